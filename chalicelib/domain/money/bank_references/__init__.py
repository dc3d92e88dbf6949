"""What payers write into bank transfers, so that their money finds its top-up."""
