-- Applies changes in one atomic step: judgments stored, items' labels and scores replaced, counters increased.
-- Each change is applied as a whole or not at all. The increments are computed by the caller (service/agreement).
--
-- KEYS  1 pending   integer  judgments accepted and not finished
--       2 metrics   hash     series -> integer
--       3 queue     zset     arq's queue
--       4 criteria  hash     criterion -> scale
--       5 changes   integer  how often a labelled item was changed
--       6 open      zset     ids of jobs that have not ended
--       7 callbacks zset     ids of ended jobs whose callback is under way
--       8 archive   hash     `on` is there if nothing may expire before it is archived
--       9 unarchived         zset  ids of ended jobs that are not archived, by the time of their end
--       10 unarchived labels zset  places of labels that are not archived as they are now
--       11 ended     channel  of the ids of jobs that end
-- ARGV  1 now (milliseconds), 2 the keep time (seconds), 3 maximum number of series among the metrics
--       4 msgpack list of the items to change, false for a change without one:
--           {key, field, revision or '', content that must be the newest or false,
--            criterion and scale that must be stored, or false, false}
--       5 msgpack {jobs, groups, field groups, field names, series, other series, zsets}. The changes name the entries
--         of these lists by their place, from 1.
--           jobs         {job key, events channel, prefix of items' keys, prefix of results' keys, benchmark key, id}
--           groups       {key, expiry in milliseconds or '', ...}: hashes of integers that get the same increments
--           field groups the group of each field name
--           series       names of metrics; other series are those that count in their place past the maximum
--           zsets        {key, maximum number of members or 0}; with -1, scores are times in milliseconds, and
--                        members older than the keep time are removed; with -2, members that are there keep their score
--       6 for each change, one after the other, msgpack {result or false, item or false, {field, amount, ...},
--           {series, amount, ...}, {zset, score, member, ...}, {set key, member, ...},
--           {zset key, member to remove, ...}}
--           result {job, chunk, position, judgment, spend key or '', nano-dollars, {cached vote's key, value, ...}}
--           item   {new revision and state or '' to remove, {other field, value, ...}, {field to remove, ...},
--                   content if the item has none or false, change of the number of labelled criteria,
--                   1 if it is or was labelled}
-- Returns {{job key, cancelled, nano-dollars spent}...}, {{place of a change, fields of the item}...}: the second list
-- has the changes that were not applied, because the item or the scale had changed. The first one is empty if none was.
local now, keep_s, most_series = ARGV[1], ARGV[2], tonumber(ARGV[3])
local KEPT_FOR_A_TIME = -1 -- the maximum of a zset whose members are removed after the keep time
local ADDED_ONCE = -2 -- the maximum of a zset whose members keep their score
local SPEND_KEPT_S = 172800
local jobs, groups, field_groups, field_names, series, others, zsets

local field_sums, series_sums, ranked, spent = {}, {}, {}, {}
local stored, is_labelled = 0, false
local archives = redis.call('HEXISTS', KEYS[8], 'on') == 1

-- Unpacks the shared lists when the first change is applied.
local function read_lists()
  if not jobs then
    jobs, groups, field_groups, field_names, series, others, zsets = unpack(cmsgpack.unpack(ARGV[5]))
  end
end

local function gather(sums, increments)
  for i = 1, #increments, 2 do
    local place = increments[i]
    sums[place] = (sums[place] or 0) + increments[i + 1]
  end
end

local function is_current(item, known)
  if (known[1] and string.match(known[1], '^%S+') or '') ~= item[3] then
    return false
  end
  if item[4] and (known[2] or '') ~= item[4] then
    return false
  end
  return not item[5] or (redis.call('HGET', KEYS[4], item[5]) or '') == item[6]
end

local function exists(job)
  if job.exists == nil then
    job.exists = redis.call('EXISTS', job[1]) == 1
  end
  return job.exists
end

-- Stores a judgment, unless its job is gone or the judgment is there already.
local function store(result)
  local job = jobs[result[1]]
  if not exists(job) or redis.call('HSETNX', job[4] .. result[2], result[3], result[4]) == 0 then
    return false
  end
  stored = stored + 1
  if result[5] ~= '' then
    spent[result[5]] = (spent[result[5]] or 0) + result[6]
  end
  for i = 1, #result[7], 2 do
    redis.call('SET', result[7][i], result[7][i + 1], 'EX', keep_s)
  end
  return true
end

-- Leaves the places of judgments that are not archived yet out of those to remove.
local function archived_only(fields)
  local kept = {}
  for _, field in ipairs(fields) do
    local job = string.match(field, '^R\t([^\t]*)')
    if not job or not redis.call('ZSCORE', KEYS[9], job) then
      kept[#kept + 1] = field
    end
  end
  return kept
end

-- Returns whether the item has a judgment that is not archived.
local function is_awaited(key)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local job = string.match(field, '^R\t([^\t]*)')
    if job and (redis.call('ZSCORE', KEYS[9], job) or redis.call('ZSCORE', KEYS[6], job)) then
      return true
    end
  end
  return false
end

local function write(key, field, item, known)
  local written = item[2]
  local is_judged = #written > 0
  if item[1] ~= '' then
    written[#written + 1] = field
    written[#written + 1] = item[1]
  else
    redis.call('HDEL', key, field)
  end
  if item[4] and not known[2] then
    written[#written + 1] = 'digest'
    written[#written + 1] = item[4]
  end
  local labelled = (known[3] or 0) + item[5]
  if item[5] ~= 0 and labelled > 0 then
    written[#written + 1] = 'labelled'
    written[#written + 1] = labelled
  elseif item[5] ~= 0 then
    redis.call('HDEL', key, 'labelled')
  end
  call_all('HSET', key, written, 2)
  call_all('HDEL', key, archives and archived_only(item[3]) or item[3], 1)
  local outlives = archives and (is_judged or is_awaited(key))
  if labelled == 0 and not outlives then
    redis.call('EXPIRE', key, keep_s)
  elseif outlives or labelled == item[5] then
    redis.call('PERSIST', key)
  end
  if archives and item[6] == 1 then
    redis.call('ZADD', KEYS[10], 'NX', now, key .. '\n' .. field)
  end
  is_labelled = is_labelled or item[6] == 1
end

local function close(job)
  local key = job[1]
  redis.call('HSET', key, 'finished_at', now)
  redis.call('ZREM', KEYS[6], job[6])
  local callback = redis.call('HMGET', key, 'callback_key', 'callback_id', 'callback', 'chunks')
  if archives then
    redis.call('ZADD', KEYS[9], now, job[6])
  else
    for chunk = 0, tonumber(callback[4]) - 1 do
      redis.call('EXPIRE', job[3] .. chunk, keep_s)
      redis.call('EXPIRE', job[4] .. chunk, keep_s)
    end
    redis.call('EXPIRE', job[5], keep_s)
    redis.call('EXPIRE', key, keep_s)
  end
  if callback[1] then
    redis.call('SET', callback[1], callback[3], 'EX', keep_s)
    redis.call('ZADD', KEYS[3], redis.call('TIME')[1] .. '000', callback[2])
    redis.call('ZADD', KEYS[7], 0, job[6])
  end
end

-- Adds the members that are not there; of equal ones the first counts.
local function add_once(key, members)
  local added = {}
  for i = 1, #members, 2 do
    local score, member = members[i], members[i + 1]
    if not added[member] then
      added[member] = true
      redis.call('ZADD', key, 'NX', score, member)
    end
  end
end

local function apply(change, head, known)
  read_lists()
  local result, item = change[1], change[2]
  if result and not store(result) then
    return
  end
  if item then
    write(head[1], head[2], item, known)
  end
  gather(field_sums, change[3])
  gather(series_sums, change[4])
  for i = 1, #change[5], 3 do
    local zset = ranked[change[5][i]] or {}
    ranked[change[5][i]] = zset
    zset[#zset + 1] = change[5][i + 1]
    zset[#zset + 1] = change[5][i + 2]
  end
  for i = 1, #change[6], 2 do
    redis.call('SADD', change[6][i], change[6][i + 1])
  end
  for i = 1, #change[7], 2 do
    redis.call('ZREM', change[7][i], change[7][i + 1])
  end
end

local heads, moved = cmsgpack.unpack(ARGV[4]), {}
local changes, offset, change = ARGV[6], 0, nil
for place, head in ipairs(heads) do
  offset, change = cmsgpack.unpack_one(changes, offset)
  local known = head and redis.call('HMGET', head[1], head[2], 'digest', 'labelled')
  if head and not is_current(head, known) then
    moved[#moved + 1] = {place, redis.call('HGETALL', head[1])}
  else
    apply(change, head, known)
  end
end
if #moved == #heads then
  return {{}, moved}
end

local names, amounts = {}, {}
for i = 1, #field_groups do
  if field_sums[i] then
    local group = field_groups[i]
    local theirs = names[group]
    if not theirs then
      theirs = {}
      names[group], amounts[group] = theirs, {}
    end
    local place = #theirs + 1
    theirs[place], amounts[group][place] = field_names[i], field_sums[i]
  end
end
for group, theirs in pairs(names) do
  for i = 1, #groups[group], 2 do
    local key, expires = groups[group][i], groups[group][i + 1]
    if add(key, theirs, amounts[group]) and expires ~= '' then
      redis.call('PEXPIREAT', key, expires)
    end
  end
end
if next(series_sums) then
  for i = 1, #series do
    series_sums[i] = series_sums[i] or 0
  end
  add_series(KEYS[2], most_series, series, series_sums, others)
end
for i, members in pairs(ranked) do
  local key, most = zsets[i][1], zsets[i][2]
  if most == ADDED_ONCE then
    add_once(key, members)
  else
    call_all('ZADD', key, members, 2)
  end
  if most > 0 and redis.call('ZCARD', key) > most then
    redis.call('ZREMRANGEBYRANK', key, most, -1)
  elseif most == KEPT_FOR_A_TIME then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now - keep_s * 1000))
    redis.call('EXPIRE', key, keep_s)
  end
end
for key, nano in pairs(spent) do
  redis.call('INCRBY', key, whole(nano))
  redis.call('EXPIRE', key, SPEND_KEPT_S)
end
if stored > 0 then
  redis.call('DECRBY', KEYS[1], stored)
end
if is_labelled then
  redis.call('INCR', KEYS[5])
end

local states = {}
for i, job in ipairs(jobs) do
  local state = redis.call('HMGET', job[1], 'total', 'scored', 'unscored', 'failed', 'cancelled',
                           'finished_at', 'cancel', 'cost_nano')
  local done = 0
  for j = 2, 5 do
    done = done + tonumber(state[j] or 0)
  end
  local is_finished = state[1] and done == tonumber(state[1])
  local ends = is_finished and not state[6]
  if ends then
    close(job)
  end
  redis.call('PUBLISH', job[2], is_finished and 'finished' or 'progress')
  states[i] = {job[1], state[7] or '0', state[8] or '0'}
  if ends then
    redis.call('PUBLISH', KEYS[11], job[6])
    for j = 2, 5 do
      states[i][j + 2] = state[j] or '0'
    end
  end
end
return {states, moved}
