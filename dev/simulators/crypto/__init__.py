"""The parts that simulators of hosted crypto invoices share: a chain, a payer, control commands and faults."""
