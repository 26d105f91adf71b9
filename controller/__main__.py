"""`python -m controller` starts the controller's service."""

from controller.service import run

if __name__ == "__main__":
    run()
