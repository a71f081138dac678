"""What role O makes: tables and pictures as CSV, HTML and PDF files, kept in DATA/outputs. Pure of processes and databases."""
