"""`python -m dev.simulators.btcpay`: runs the simulated BTCPay Server as a separate process."""

from dev.simulators.btcpay.simulator import BTCPaySimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("btcpay", BTCPaySimulator)
