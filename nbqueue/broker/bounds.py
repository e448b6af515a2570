"""Numbers that scripts and Python go by: ranges of scores, and how long and how much is kept."""

from __future__ import annotations

#: scores below this are ranks of ready jobs; from here on they are due times in milliseconds
READY_LIMIT = 1_000_000_000_000
#: ranks of jobs that need a process begin here; below are those for an event loop
PROCESS_RANK = 400_000_000_000
#: ranks of one priority, of which there are 199: they are given out in a circle
RANKS_A_PRIORITY = 2_000_000_000
#: the score of a claimed job: far beyond any due time, so that nobody reads it as due
CLAIMED_SCORE = 9_000_000_000_000_000
#: how long the record of an ended job is kept, and at least the result of one that others wait for
RECORD_MS, PARENT_MS = 30 * 86_400_000, 7 * 86_400_000
#: the submission of a job that did not succeed is kept up to so many bytes, and so long where no option says how long
CALL_BYTES, CALL_MS = 1_000_000, 86_400_000
#: with it large pieces of its arguments up to so many bytes, which others may have in common with it
CALL_BLOB_BYTES = 10_000_000
#: how long a large piece of arguments is kept after its last job: who submits one job after the other sends it once
BLOB_MS = 10_000
#: what is ended is kept a day beyond its time where others have to do with it, and an hour whatever else is said
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
#: what is kept for ever is kept for a hundred years
LONG_MS = 100 * 365 * 86_400_000
#: how long the minutes are kept that ends were counted in
MINUTES_MS = 14 * 86_400_000
#: how many entries the stream of events holds, and ended jobs and groups the set of a submitter
EVENTS, OWNED = 5_000, 2_000
#: the largest result that is told with the end of its job; what of a submission shows how its function is called
TOLD_BYTES, HEAD_BYTES = 1_000, 2_000
#: the most wake-up tokens of a queue, and how long one waits for a worker
TOKENS, TOKEN_MS = 8, 3_600_000
#: the most gates that one claim looks at, and of those for resources, which cost less
GATES, NEEDS = 50, 1000
#: the score of gates for resources: which engine can open one is for the engine to say
NEEDS_SCORE = -1
