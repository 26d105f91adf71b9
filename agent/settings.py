"""The agent's settings, from the environment (GRADFILTER_AGENT_*); the command line's flags override them."""

import os
import ssl
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from typing_extensions import Self

from agent.sensors.surroundings import MeterSettings, Surroundings


class AgentSettings(BaseSettings):
    """Where the agent listens, keeps its runs and finds the worker's Python."""

    model_config = SettingsConfigDict(env_prefix="GRADFILTER_AGENT_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 lets the lab's controller in.")
    port: int = Field(8101, ge=0, le=65535, description="Port to listen on.")
    token: SecretStr | None = Field(
        None, min_length=20, description="Whoever commands this board must show it; only on loopback may it be absent."
    )
    mailbox: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Dial out to the controller: http://CONTROLLER:8100/v1/mailbox/NAME; needs the board's token.",
    )
    announce: bool = Field(
        default=False, description="Make the agent known on the local network, for `gradfilter devices discover`."
    )
    controller_ca: Path | None = Field(
        None, description="The certificates, in PEM, by which to know the controller; the system's own without."
    )
    tls_certificate: Path | None = Field(
        None, description="The certificate to serve HTTPS with, in PEM, with its chain."
    )
    tls_key: Path | None = Field(None, description="The certificate's key, in PEM, without a password.")
    data_dir: Path = Field(Path("var/agent"), description="Where runs and starting checkpoints are kept.")
    datasets_dir: Path | None = Field(None, description="A folder per data set; DATA_DIR/datasets without.")
    weights_dir: Path | None = Field(None, description="Files that jobs name as weights; DATA_DIR/weights without.")
    model_modules: Annotated[list[str], NoDecode] = Field(
        [], description="Python modules from which jobs may name models, separated by commas; none without."
    )
    worker_python: str = Field(sys.executable, description="The Python that has gradfilter and torch.")
    root: Path = Field(Path("/"), description="Where sensors and board facts are read from; / but in tests.")
    jtop_python: str = Field("", description="A Python that has jetson-stats; looked for without.")
    vcgencmd: str = Field("vcgencmd", description="Raspberry Pi's firmware command.")
    meters: list[MeterSettings] = Field([], description="External power meters, as a JSON list; none without.")
    calibration_file: Path | None = Field(
        None, description="What calibrations have found; DATA_DIR/calibration.json without."
    )
    rails: dict[str, Literal["board_input", "wall", "module", "cpu", "gpu"]] = Field(
        {}, description="What a power monitor's rail covers, by name, where only the owner knows; a JSON object."
    )
    min_free_bytes: int = Field(256 * 1024 * 1024, ge=0, description="No run starts with less disk space than this.")
    stop_grace_s: float = Field(5.0, gt=0, le=60, description="How long a worker has between SIGTERM and SIGKILL.")

    def surroundings(self) -> Surroundings:
        """What the sensors are told."""
        calibration_file = self.calibration_file or self.data_dir / "calibration.json"
        return Surroundings(
            root=self.root,
            jtop_python=self.jtop_python,
            vcgencmd=self.vcgencmd,
            meters=tuple(self.meters),
            calibration_file=calibration_file.absolute(),
            rails=dict(self.rails),
        )

    @model_validator(mode="after")
    def _mailbox_and_token(self) -> Self:
        if self.mailbox and self.token is None:
            raise ValueError(
                "mailbox needs the board's token too, so that nobody else reads it: set GRADFILTER_AGENT_TOKEN to what "
                "`gradfilter tokens board NAME` prints on the controller's machine"
            )
        return self

    @field_validator("announce")
    @classmethod
    def _with_what_it_needs(cls, value: bool) -> bool:
        if value and find_spec("zeroconf") is None:
            raise ValueError(f"it needs zeroconf: {sys.executable} -m pip install 'gradfilter-bench[mdns]'")
        return value

    @field_validator("controller_ca")
    @classmethod
    def _with_certificates(cls, value: Path) -> Path:
        try:
            ssl.create_default_context(cafile=value)
        except OSError as error:  # an SSLError is one too
            raise ValueError(f"there are no certificates that can be read ({error})") from error
        return value

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both, or neither")
        return self

    @field_validator("worker_python")
    @classmethod
    def _from_anywhere(cls, value: str) -> str:
        """The worker is started in its run's folder; a path that is relative to here must survive that."""
        return os.path.abspath(value) if "/" in value else value  # noqa: PTH100 - resolve() would leave a venv

    @field_validator("model_modules", mode="before")
    @classmethod
    def _separated(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("model_modules")
    @classmethod
    def _named_as_modules_are(cls, value: list[str]) -> list[str]:
        for name in value:
            if not all(part.isidentifier() for part in name.split(".")):
                raise ValueError(f"{name!r} is no Python module's name, such as package.module")
        return value
