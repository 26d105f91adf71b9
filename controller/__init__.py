"""The controller: the service of the lab that schedules, stores, judges and shows."""
