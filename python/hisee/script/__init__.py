"""The engine host: runs scripts as HIS (local parts) and SEE (remote parts), turns their actions into messages and back."""
