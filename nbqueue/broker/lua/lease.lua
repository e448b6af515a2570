#!lua flags=allow-oom
-- Open or renew leases of engines; a lease that was reaped stays gone unless it is opened anew.
-- KEYS[1] zset    leases: nbq:leases
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] ms      length of a lease
-- ARGV[3] int     1 to open, 0 to renew
-- ARGV[4..] text  engine ids
-- Returns: per engine 1, or 0 where there is no lease to renew
local till = server_ms() + ARGV[2]
local replies = {}
for i = 4, #ARGV do
  if ARGV[3] == '1' or redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], till, ARGV[i])
    redis.call('PEXPIRE', ARGV[1] .. 'nbq:engine:' .. ARGV[i], 60000)
    replies[#replies + 1] = 1
  else
    replies[#replies + 1] = 0
  end
end
return replies
