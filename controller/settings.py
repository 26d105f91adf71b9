"""What the lab may set: from the environment (GRADFILTER_CONTROLLER_*) and from a TOML file.

The environment wins over ./gradfilter-controller.toml, which wins over /etc/gradfilter/controller.toml. The file
holds the same names in lower case without the prefix, for example `port = 8100`.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Settings(BaseSettings):
    """The controller's settings; durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="GRADFILTER_CONTROLLER_",
        toml_file=[Path("/etc/gradfilter/controller.toml"), Path("gradfilter-controller.toml")],
        extra="forbid",
    )

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; there is no authentication, so mind the network."
    )
    port: int = Field(default=8100, ge=0, le=65535, description="Port to listen on.")
    data_dir: Path = Field(
        default=Path("var/controller"), description="Where the SQLite database lies; made when missing."
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; empty means SQLite in data_dir.")
    lease_s: float = Field(
        default=15.0, gt=0, description="A board's lease; another controller takes over after this long."
    )
    tick_s: float = Field(default=1.0, gt=0, description="How often the queue is looked at without being told to.")
    poll_wait_s: float = Field(
        default=10.0, ge=0, le=60, description="How long an agent may hold a question about a run."
    )
    poll_pause_s: float = Field(
        default=0.5, ge=0, description="Rest between two such questions: asking costs the board time."
    )
    retry_s: float = Field(
        default=1.0, gt=0, description="First pause after an agent did not answer; doubles up to 16 times."
    )
    device_poll_s: float = Field(
        default=10.0, gt=0, description="How often an idle board is asked whether it is there."
    )
    timeout_s: float = Field(default=10.0, gt=0, description="How long an agent may take for an ordinary answer.")
    log_format: Literal["console", "json"] = Field(default="console", description="How log lines are written.")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'controller.sqlite3'}"

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
