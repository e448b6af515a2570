#!lua
-- Keep what running jobs report: the last progress, metrics over time, new lines of the log (a ring), the last
-- checkpoint.
-- KEYS[1] hash    what the engine has claimed: nbq:claims:<engine>
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] int     bytes of log kept per job
-- ARGV[3..] bytes  per job 6 values: id, fence, progress (json or empty), log text (or empty), checkpoint (or empty),
--                  metrics over time (json or empty)
-- Returns: per job 1, or 0 where the claim was stale
local prefix, cap = ARGV[1], tonumber(ARGV[2])
local replies = {}
for at = 3, #ARGV, 6 do
  local id = ARGV[at]
  local record = prefix .. 'nbq:job:' .. id
  local found = redis.call('HMGET', record, 'state', 'fence', 'log_kept', 'log_dropped')
  local claim = redis.call('HGET', KEYS[1], id)
  if found[1] ~= 'running' or found[2] ~= ARGV[at + 1] or not claim then
    replies[#replies + 1] = 0
  else
    if ARGV[at + 2] ~= '' then redis.call('HSET', record, 'progress', ARGV[at + 2]) end
    if ARGV[at + 5] ~= '' then redis.call('SET', prefix .. 'nbq:trace:' .. id, ARGV[at + 5], 'PX', RECORD_MS) end
    if ARGV[at + 4] ~= '' then
      redis.call('SET', prefix .. 'nbq:checkpoint:' .. id, ARGV[at + 4], 'PX', 864000000)
      -- the end of the job will take it away
      redis.call('HSET', KEYS[1], id, (string.gsub(claim, '^(%d+ %d+ %d+ %d+ %d+ [-slhb]+)( )', '%1c%2')))
    end
    if ARGV[at + 3] ~= '' then
      local log = prefix .. 'nbq:log:' .. id
      local kept, dropped = (tonumber(found[3]) or 0) + #ARGV[at + 3], tonumber(found[4]) or 0
      redis.call('RPUSH', log, ARGV[at + 3])
      while kept > cap and redis.call('LLEN', log) > 1 do
        local gone = #redis.call('LPOP', log)
        kept, dropped = kept - gone, dropped + gone
      end
      redis.call('PEXPIRE', log, RECORD_MS)
      redis.call('HSET', record, 'log_kept', kept, 'log_dropped', dropped)
    end
    replies[#replies + 1] = 1
  end
end
return replies
