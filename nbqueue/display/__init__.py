"""What is shown of a job, a queue or a history, as words, colours and markup: pure, and without any face."""
