-- Whose jobs are whose: of a submitter the last OWNED jobs and groups, and older ones for as long as they live.
local function lives(prefix, name)
  -- a job, or any of a group; what the server no longer knows does not
  if string.sub(name, 1, 6) == 'group ' then
    return (tonumber(read_fields(prefix .. 'nbq:group:' .. string.sub(name, 7), {'left'}).left) or 0) > 0
  end
  local state = redis.pcall('HGET', prefix .. 'nbq:job:' .. name, 'state')
  return state == 'queued' or state == 'running' or state == 'scheduled'
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
  -- now and then; more of the older ones are looked at than come to them, so those that ended leave in the end
  if redis.call('ZCARD', key) <= OWNED then return end
  local over = redis.call('ZCOUNT', key, 0, '+inf') - OWNED
  if over < OWNED / 10 then return end
  sift_owned(prefix, key, '-inf', '(0', math.min(math.floor(1.5 * over), 1500), now)
  sift_owned(prefix, key, 0, '+inf', math.min(over, 1000), now)
end
