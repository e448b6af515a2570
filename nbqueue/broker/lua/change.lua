#!lua
-- Change jobs that wait: make them due now or at another time, or give them another priority. Others stay as they are.
-- With: groups, waiting
-- KEYS[1] stream  events: nbq:events
-- ARGV[1] text    key prefix of the namespace
-- ARGV[2] text    what changes: promote (due now), reschedule or priority
-- ARGV[3] int     the delay from now in ms, or the priority from -99 to 99
-- ARGV[4] ms      moment from which the jobs may start, or 0
-- ARGV[5..] text  job ids
-- Returns: per job "unknown", "changed", "blocked" (it waits for other jobs, which alone say when it may start), "late" (it would expire before), "running", or its final state
-- Moves: scheduled -> queued, queued -> scheduled
local prefix, what, number = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = server_ms()
local due = what == 'promote' and now or math.max(now + number, tonumber(ARGV[4]))
local changes = {}

local function rank_of(found)
  local rank = tonumber(found[4])
  return rank and rank < READY_LIMIT and rank or 99 * RANKS_A_PRIORITY
end

local function prioritize(id, record, found, queue_key)
  -- the same lane and the same place among equals, in the ranks of the new priority
  local rank = rank_of(found)
  local lane = rank >= PROCESS_RANK and PROCESS_RANK or 0
  rank = string.format('%.0f', lane + (99 - number) * RANKS_A_PRIORITY + (rank - lane) % RANKS_A_PRIORITY)
  redis.call('HSET', record, 'priority', number, 'rank', rank)
  if found[5] then
    redis.call('ZADD', prefix .. 'nbq:parked:' .. found[5], 'XX', rank, id)
  elseif found[1] == 'queued' then
    redis.call('ZADD', queue_key, 'XX', rank, id)
  end
end

local function make_due(id, record, found, queue_key)
  -- a job at a gate is due already: only another time takes it away from there
  local later, queue, parked = due > now, found[2], found[5]
  if parked and later then
    unpark(prefix, id, {queue = queue, parked = parked})
    redis.call('HDEL', record, 'parked', 'reason')
  end
  if parked and not later then return end
  local state = later and 'scheduled' or 'queued'
  if state == 'queued' and found[1] == 'queued' then return end
  local score = later and due or string.format('%.0f', rank_of(found))
  redis.call('ZADD', queue_key, score, id)
  redis.call('HSET', record, 'state', state, 'due', due, 'more', '1')
  if state ~= found[1] then regroup(found[7], found[1], state) end
  -- one that is to be tried again is so later, too
  if not later then redis.call('HDEL', record, 'reason') end
  changes[#changes + 1] = id .. ' ' .. state .. ' ' .. (found[6] or '0')
  call_workers(prefix .. 'nbq:wake:' .. queue)
end

local function is_late(found)
  -- a job that was never started expires so long after its submit
  local expires, submitted = tonumber(found[8]), tonumber(found[9])
  return due > now and not found[6] and expires and submitted and due >= submitted + expires
end

local replies = {}
for i = 5, #ARGV do
  local id = ARGV[i]
  local record = prefix .. 'nbq:job:' .. id
  local found = redis.pcall('HMGET', record, 'state', 'queue', 'key', 'rank', 'parked', 'fence', 'group', 'expires', 'submitted')
  local state = not found.err and found[2] and found[1]
  if not state then
    replies[#replies + 1] = 'unknown'
  elseif state ~= 'queued' and state ~= 'scheduled' then
    replies[#replies + 1] = state
  else
    local queue_key = found[3] or (prefix .. 'arq:queue:' .. found[2])
    if what == 'priority' then
      prioritize(id, record, found, queue_key)
      replies[#replies + 1] = 'changed'
    elseif found[5] == found[2] .. ':blocked' then
      replies[#replies + 1] = 'blocked'
    elseif is_late(found) then
      replies[#replies + 1] = 'late'
    else
      make_due(id, record, found, queue_key)
      replies[#replies + 1] = 'changed'
    end
  end
end
write_groups(prefix)
tell(KEYS[1], changes)
return replies
