"""Chains: runs of convolution, normalisation and activation whose backward pass stays at patch resolution."""
