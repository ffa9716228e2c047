"""Latent space optimisation as durable jobs: tables are the truth, DBOS is the queue, workers compute."""
