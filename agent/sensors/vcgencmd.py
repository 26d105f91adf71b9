"""Raspberry Pi's firmware command, run once a question: `vcgencmd get_throttled` → "throttled=0x0"."""

import subprocess

_TIMEOUT_S = 1.0  # the firmware answers within milliseconds, or not at all
_LONGEST = 16384


class Vcgencmd:
    """Asks the firmware. Every failure is an OSError whose words say what to do."""

    def __init__(self, command: str) -> None:
        self._command = command

    def ask(self, question: str) -> str:
        """What the firmware answers.

        Raises:
            OSError: the command is not there, may not be used, fails, or does not answer.
        """
        try:
            done = subprocess.run(
                [self._command, question],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise FileNotFoundError(
                f"there is no {self._command} here (Raspberry Pi OS has it in the package raspi-utils; "
                f"GRADFILTER_AGENT_VCGENCMD names another)"
            ) from None
        except PermissionError:
            raise PermissionError(f"the agent's user may not run {self._command}") from None
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self._command} {question} did not answer within {_TIMEOUT_S:g} s") from None
        answer = done.stdout[:_LONGEST].decode("utf-8", "replace")
        if done.returncode != 0 or "error=" in answer or "failed" in answer:
            said = answer.strip().partition("\n")[0][:200] or "nothing"
            raise OSError(
                f"{self._command} {question} exited with code {done.returncode} and said: {said} "
                f"(the agent's user must be in the group video)"
            )
        return answer
