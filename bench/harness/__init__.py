"""What every benchmark needs: rounds, peers, facts of the machine, reports."""
