"""Language server for ESL. `analysis` checks while somebody types, `symbols` knows names and places, `project` the application folder;
`completion`, `hover`, `navigation` and `repairs` answer requests in plain Python; `server` alone speaks the protocol (pygls)."""
