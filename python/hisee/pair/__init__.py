"""The database pair: PostgreSQL on both servers under pg_auto_failover, its monitor on the witness's computer."""
