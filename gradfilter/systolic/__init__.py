"""A systolic array, simulated: cycles, accesses and modelled energy of a network's layers. Nothing here is measured.

Source: Unnikrishnan and Parhi, InterGrad, IEEE TCAS-I 70(5):1949-1962, 2023, and ISCAS 2020, arXiv 2002.05529, for the
idea that both products of a layer's backward pass share one tile of the array. The formulas of that schedule are ours.
"""
