#!lua flags=allow-oom
-- Tell jobs that wait for others of the ends that came: the last one lets them go on, one that did not succeed may end them.
-- With: past, groups, waiting
-- KEYS[1] list    ends to tell of: nbq:settling
-- KEYS[2] set     jobs and groups that are waited for: nbq:parents
-- KEYS[3] stream  events: nbq:events
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] int     the most jobs to tell; the rest is left for the next call
-- Returns: 1 where ends are left to tell of, else 0
-- Moves: queued -> failed, scheduled -> failed, queued -> cancelled, scheduled -> cancelled
local prefix, left = ARGV[1], tonumber(ARGV[2])
local now = server_ms()
local changes = {}
local CHILD = {'state', 'queue', 'parked', 'on_parent', 'rank', 'due', 'after'}
-- queue -> what goes on in it, written together at the end; parent -> until when its result is kept
local going, kept_till = {}, {}

local function keep_result(parent, till)
  if till <= (kept_till[parent] or 0) then return end
  kept_till[parent] = till
  redis.pcall('PEXPIREAT', prefix .. 'arq:result:' .. parent, till, 'GT')
end

local function go_on(id, child)
  -- nothing is waited for any more: the job becomes ready, or waits for its time
  for _, parent in ipairs(cjson.decode(child.after or '[]')) do
    keep_result(parent, math.max(now, tonumber(child.due) or 0) + PARENT_MS)
  end
  redis.call('HDEL', prefix .. 'nbq:job:' .. id, 'parked', 'reason', 'waits_for')
  local those = going[child.queue] or {ids = {}, scores = {}}
  going[child.queue] = those
  those.ids[#those.ids + 1] = id
  local score = child.state == 'scheduled' and child.due or child.rank
  -- one that is not ours any more must not hold up the others: claim.lua gives it another
  those.scores[#those.scores + 1], those.scores[#those.scores + 2] = whole(score) and score or now, id
end

local function move_those_going()
  for queue, those in pairs(going) do
    redis.call('ZADD', prefix .. 'arq:queue:' .. queue, unpack(those.scores))
    unpark_all(prefix, queue, 'blocked', those.ids)
    call_workers(prefix .. 'nbq:wake:' .. queue)
  end
end

local ENDS = {failed = 'failed', cancelled = 'was cancelled', timed_out = 'ran into its time limit', crashed = 'crashed',
  expired = 'was not started in time', gone = 'is gone'}
local function fault_of(parent, state)
  -- how a job or group ended that another waited for, in a sentence; and the job at fault: of a group the first of its own
  local job = read_fields(prefix .. 'nbq:job:' .. parent, {'state', 'label', 'function', 'error_type', 'error'})
  local waited_for = 'job ' .. parent
  local first = not job.state and redis.call('HGET', prefix .. 'nbq:group:' .. parent, 'fault')
  if first then
    job = read_fields(prefix .. 'nbq:job:' .. first, {'state', 'label', 'function', 'error_type', 'error'})
    waited_for, state = 'group ' .. parent .. ', and job ' .. first, job.state or 'gone'
  elseif not job.state and redis.call('EXISTS', prefix .. 'nbq:group:' .. parent) == 1 then
    return 'It waited for group ' .. parent .. ', of which not all jobs succeeded.', parent
  end
  local name = job.label or job['function']
  local text = 'It waited for ' .. waited_for .. (name and ' (' .. name .. ')' or '') .. (first and ' of it ' or ', which ')
    .. (ENDS[state] or state)
  if state == 'failed' and job.error_type then text = text .. ': ' .. job.error_type .. ': ' .. (job.error or '') end
  return (string.gsub(text, '%.$', '')) .. '.', first or parent
end

local function tell_child(id, parent, state)
  local child = read_fields(prefix .. 'nbq:job:' .. id, CHILD)
  if not child.state or is_final(child.state) or child.parked ~= (child.queue or '') .. ':blocked' then return end
  if state == 'succeeded' or child.on_parent == 'run' then
    if redis.call('HINCRBY', prefix .. 'nbq:job:' .. id, 'waits_for', -1) <= 0 then go_on(id, child) end
    return
  end
  local why, at_fault = fault_of(parent, state)
  local ending = {state = 'failed', error_type = 'ParentFailed', error = why}
  if child.on_parent == 'skip' then ending = {state = 'cancelled', stopped_by = 'parent', error = ending.error} end
  redis.call('HSET', prefix .. 'nbq:job:' .. id, 'failed_parent', at_fault)
  end_waiting(prefix, id, read_fields(prefix .. 'nbq:job:' .. id, WAITING), ending, now, changes)
end

while left > 0 do
  local told = redis.call('LINDEX', KEYS[1], 0)
  if not told then break end
  local parent, state = string.match(told, '^(.*) (%S+)$')
  local waiting = parent and redis.call('SPOP', prefix .. 'nbq:children:' .. parent, left) or {}
  for _, id in ipairs(waiting) do tell_child(id, parent, state) end
  left = left - #waiting - 1
  if not parent or redis.call('EXISTS', prefix .. 'nbq:children:' .. parent) == 0 then
    redis.call('LPOP', KEYS[1])
    if parent then redis.call('SREM', KEYS[2], parent) end
  end
  -- what ended with it may be waited for, too
  write_groups(prefix)
end
move_those_going()
remember(prefix)
tell(KEYS[3], changes)
return redis.call('EXISTS', KEYS[1])
