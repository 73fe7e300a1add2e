"""What experiments.benchmark times: workloads, the process that runs ours, the peer's twin."""
