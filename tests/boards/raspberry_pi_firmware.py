"""A stand-in for Raspberry Pi's vcgencmd: a small program that answers as the firmware does, from files beside it.

The answers' form follows public logs of a Raspberry Pi 5; their values are made up.
"""

from pathlib import Path

_PROGRAM = """#!/bin/sh
answer="${0%/*}/$1.txt"
if [ -f "$answer" ]; then exec cat "$answer"; fi
echo 'error=1 error_msg="Command not registered"'
exit 255
"""
# name, number of its current, ampere, number of its voltage, volt; the firmware numbers and lists them like this.
RAILS = (
    ("3V7_WL_SW", 0, 0.08, 8, 3.703),
    ("3V3_SYS", 1, 0.05, 9, 3.313),
    ("1V8_SYS", 2, 0.17, 10, 1.797),
    ("DDR_VDD2", 3, 0.06, 11, 1.112),
    ("DDR_VDDQ", 4, 0.0, 12, 0.606),
    ("1V1_SYS", 5, 0.18, 13, 1.103),
    ("0V8_SW", 6, 0.33, 14, 0.803),
    ("VDD_CORE", 7, 1.6, 15, 0.874),
    ("3V3_DAC", 17, 0.0001, 20, 3.311),
    ("3V3_ADC", 18, 0.0001, 21, 3.311),
    ("0V8_AON", 16, 0.004, 19, 0.798),
    ("HDMI", 22, 0.013, 23, 5.095),
)
_SUM_W = sum(ampere * volt for _, _, ampere, _, volt in RAILS)


def write_vcgencmd(folder: Path, **answers: str) -> Path:
    """The program, which answers each question by its text; any other question as the firmware refuses it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "vcgencmd"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    for question, answer in answers.items():
        (folder / f"{question}.txt").write_text(answer)
    return program


def pmic_read_adc(watts: float = _SUM_W) -> str:
    """What the firmware prints while the rails together give out so many watts."""
    scale = watts / _SUM_W
    currents = [f"{name + '_A':>13} current({a})={ampere * scale:.8f}A" for name, a, ampere, _, _ in RAILS]
    voltages = [f"{name + '_V':>13} volt({v})={volt:.8f}V" for name, _, _, v, volt in RAILS]
    inputs = ["      EXT5V_V volt(24)=5.11024000V", "       BATT_V volt(25)=0.00000000V"]
    return "\n".join(currents + voltages + inputs) + "\n"
