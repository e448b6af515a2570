#!lua flags=allow-oom
-- Add what was counted of the history to the tallies, unless somebody else has counted on from there meanwhile.
-- KEYS[1] hash    tallies: nbq:tallies
-- ARGV[1] text    entry of the history up to which was counted before, or empty
-- ARGV[2] text    entry up to which is counted now
-- ARGV[3] int     ms that the tallies are kept without being counted on
-- ARGV[4] int     how many tallies are forgotten
-- ARGV[5..] ...   their names; then per tally that is counted on 2: its name, how many more
-- Returns: 1, or 0 where they are counted up to another entry by now
local kept = redis.pcall('HGET', KEYS[1], 'to')
if type(kept) == 'table' then
  -- something else stands there
  redis.call('DEL', KEYS[1])
  kept = false
end
if (kept or '') ~= ARGV[1] then return 0 end
local counted = 5 + tonumber(ARGV[4])
for at = 5, counted - 1 do redis.call('HDEL', KEYS[1], ARGV[at]) end
for at = counted, #ARGV, 2 do redis.pcall('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('HSET', KEYS[1], 'to', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
