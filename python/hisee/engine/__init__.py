"""The engine database: durable tasks, roles and terms behind one Coordinator, on SQLite, PostgreSQL or in memory."""
