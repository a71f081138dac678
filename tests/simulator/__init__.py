"""The whole engine side in one thread under one seed: members, clients, an agent, a receiver, and everything that can go wrong."""
