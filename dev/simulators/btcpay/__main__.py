"""`python -m dev.simulators.btcpay`: the simulated BTCPay Server as a process of its own."""

from dev.simulators.btcpay.simulator import BTCPaySimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("btcpay", BTCPaySimulator)
