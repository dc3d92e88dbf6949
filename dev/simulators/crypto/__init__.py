"""What the simulators of hosted crypto invoices share: a chain, a payer, a control API and faults."""
