-- Groups: how many of their jobs are in which state, and jobs that wait for the end of a job or of a whole group.
local moved_in, faults = {}, {}

local function regroup(group, from, to)
  -- a job of the group goes from one state to another; written together by `write_groups`
  if not group or group == '' then return end
  local moves = moved_in[group] or {}
  moved_in[group] = moves
  if from then moves[from] = (moves[from] or 0) - 1 end
  if to then
    moves[to] = (moves[to] or 0) + 1
    if is_final(to) then moves.left = (moves.left or 0) - 1 end
  end
end

local function note_fault(group, id, state)
  -- the first job of a group that does not succeed is named to those that wait for the group
  if group and group ~= '' and state ~= 'succeeded' then faults[group] = faults[group] or id end
end

local function settle_later(prefix, id, state)
  -- jobs wait for this one's end: settle.lua tells them
  redis.call('RPUSH', prefix .. 'nbq:settling', id .. ' ' .. state)
end

local function complete(prefix, group)
  -- all of its jobs have ended: it is kept as long as they are, and whoever waits for it goes on
  local key = prefix .. 'nbq:group:' .. group
  redis.call('SREM', prefix .. 'nbq:pauses', 'g:' .. group)
  local members = prefix .. 'nbq:members:' .. group
  local first = redis.call('LINDEX', members, 0)
  local kept = record_ms(prefix, first and redis.call('HGET', prefix .. 'nbq:job:' .. first, 'queue') or '')
  redis.call('PEXPIRE', key, kept)
  redis.call('PEXPIRE', members, kept)
  if redis.call('SISMEMBER', prefix .. 'nbq:parents', group) == 1 then
    local fields = read_fields(key, {'total', 'succeeded'})
    settle_later(prefix, group, fields.total == fields.succeeded and 'succeeded' or 'failed')
  end
end

local function count_group(prefix, group, moves)
  local key = prefix .. 'nbq:group:' .. group
  if redis.call('EXISTS', key) == 0 then return end
  if faults[group] then redis.call('HSETNX', key, 'fault', faults[group]) end
  for state, change in pairs(moves) do
    local now_there = change ~= 0 and redis.call('HINCRBY', key, state, change)
    if state == 'left' and change < 0 and now_there == 0 then complete(prefix, group) end
  end
end

local function write_groups(prefix)
  -- what goes wrong here costs only the counts
  for group, moves in pairs(moved_in) do
    local left = moves.left
    moves.left = nil
    pcall(count_group, prefix, group, moves)
    if left then pcall(count_group, prefix, group, {left = left}) end
  end
  moved_in, faults = {}, {}
end

local function leave_word(prefix, id, hook, now)
  -- somebody wants to be told of the end: a worker does so
  if hook then redis.pcall('ZADD', prefix .. 'nbq:hooks', now, id) end
end

local function over(prefix, id, state, about, now)
  -- what follows from the end of a job that was read with {'group', 'hook'}
  regroup(about.group, nil, state)
  note_fault(about.group, id, state)
  leave_word(prefix, id, about.hook, now)
  if redis.call('SISMEMBER', prefix .. 'nbq:parents', id) == 1 then settle_later(prefix, id, state) end
end
