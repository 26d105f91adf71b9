"""What the lab may set: from the environment (GRADFILTER_CONTROLLER_*) and from a TOML file.

The environment wins over ./gradfilter-controller.toml, which wins over /etc/gradfilter/controller.toml. The file
holds the same names in lower case without the prefix, for example `port = 8100`.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from typing_extensions import Self


class Settings(BaseSettings):
    """The controller's settings; durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="GRADFILTER_CONTROLLER_",
        toml_file=[Path("/etc/gradfilter/controller.toml"), Path("gradfilter-controller.toml")],
        extra="forbid",
    )

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; one beyond loopback wants tokens to be made first."
    )
    port: int = Field(default=8100, ge=0, le=65535, description="Port to listen on.")
    data_dir: Path = Field(
        default=Path("var/controller"), description="Where the SQLite database lies; made when missing."
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; empty means SQLite in data_dir.")
    requests_per_s: float = Field(
        default=500.0, gt=0, description="How often one address may ask; twice as many at once are answered."
    )
    tls_certificate: Path | None = Field(
        default=None, description="The certificate to serve HTTPS with, in PEM, with its chain."
    )
    tls_key: Path | None = Field(default=None, description="The certificate's key, in PEM, without a password.")
    agent_ca: Path | None = Field(
        default=None, description="The certificates, in PEM, by which to know agents; the system's own without."
    )
    board_key_file: Path | None = Field(
        default=None, description="The key of the boards' tokens; board.key in data_dir without, made when missing."
    )
    lease_s: float = Field(
        default=15.0, gt=0, description="A board's lease; another controller takes over after this long."
    )
    tick_s: float = Field(default=1.0, gt=0, description="How often the queue is looked at without being told to.")
    poll_wait_s: float = Field(
        default=10.0, ge=0, le=60, description="How long an agent may hold a question about a run."
    )
    poll_pause_s: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="How long a board at work tells of nothing but its run's end; longer beyond 25 boards.",
    )
    retry_s: float = Field(
        default=1.0, gt=0, description="First pause after an agent did not answer; doubles up to 16 times."
    )
    device_poll_s: float = Field(
        default=10.0, gt=0, description="How often an idle board is asked whether it is there."
    )
    timeout_s: float = Field(default=10.0, gt=0, description="How long an agent may take for an ordinary answer.")
    agent_grace_s: float = Field(
        default=30.0,
        ge=0,
        description="How long a silent board is waited for after a run that nobody wants must have ended by itself.",
    )
    largest_record_bytes: int = Field(
        default=256 << 20,
        ge=1 << 16,
        description="A run whose record is larger has failed; records pass through memory.",
    )
    keep_series_days: float | None = Field(
        default=None,
        ge=0,
        description="Sensor series and files of runs are dropped so long after their end; never without.",
    )
    keep_series_bytes: int | None = Field(
        default=None,
        ge=0,
        description="The oldest sensor series and files are dropped where all together take more; never without.",
    )
    log_format: Literal["console", "json"] = Field(default="console", description="How log lines are written.")

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both, or neither")
        return self

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'controller.sqlite3'}"

    @property
    def board_key(self) -> Path:
        """The file of the key in use."""
        return self.board_key_file or self.data_dir / "board.key"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the TOML files; no .env file and no secrets folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
