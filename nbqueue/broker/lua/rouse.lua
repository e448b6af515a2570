#!lua flags=allow-oom
-- End an engine's wait for calls: it then waits for those of all queues that it has room for.
-- KEYS[1] list    the engine's own wake-up tokens: nbq:wake:<engine>
-- Returns: how many tokens there are
local tokens = redis.call('LPUSH', KEYS[1], 'again')
redis.call('PEXPIRE', KEYS[1], TOKEN_MS)
return tokens
