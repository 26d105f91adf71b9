"""Who may do what: people's tokens, boards' tokens, and the guard at the door. Nothing here knows what a job is."""
