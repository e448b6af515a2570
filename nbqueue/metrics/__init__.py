"""What monitoring reads: the numbers of a namespace, in the form of Prometheus."""
