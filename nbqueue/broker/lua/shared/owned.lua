-- Whose jobs are whose: of a submitter the last OWNED jobs and groups, and older ones for as long as they live.
local function lives(prefix, name)
  -- a job, or all of a group; what the server no longer knows does not
  local group = string.match(name, '^group (.+)$')
  if group then return (tonumber(read_fields(prefix .. 'nbq:group:' .. group, {'left'}).left) or 0) > 0 end
  local state = read_fields(prefix .. 'nbq:job:' .. name, {'state'}).state
  return state and not is_final(state)
end

local function sift_owned(prefix, key, low, high, most, now)
  -- of some, those that live are put among the older ones, and the others go
  local gone, kept = {}, {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key, low, high, 'LIMIT', 0, most)) do
    if lives(prefix, name) then kept[#kept + 1], kept[#kept + 2] = now - CLAIMED_SCORE, name
    else gone[#gone + 1] = name end
  end
  if #gone > 0 then redis.call('ZREM', key, unpack(gone)) end
  if #kept > 0 then redis.call('ZADD', key, unpack(kept)) end
end

local function keep_owned(prefix, key, now)
  -- now and then; twice as many of the older ones are looked at as come to them, so those that ended leave in the end
  if redis.call('ZCARD', key) <= OWNED then return end
  local over = redis.call('ZCOUNT', key, 0, '+inf') - OWNED
  if over < OWNED / 10 then return end
  sift_owned(prefix, key, '-inf', '(0', math.min(2 * over, 2000), now)
  sift_owned(prefix, key, 0, '+inf', math.min(over, 1000), now)
end
