"""What the rails of NVIDIA's boards feed, by their labels, for whoever reads them.

Rails not named here, or feeding several units, are just rails. Source: NVIDIA's Jetson Linux guides, power monitoring.
"""

COVERS = {
    "POM_5V_IN": "board_input",
    "VIN": "board_input",
    "VDD_IN": "module",
    "POM_5V_GPU": "gpu",
    "POM_5V_CPU": "cpu",
    "GPU": "gpu",
    "CPU": "cpu",
}
