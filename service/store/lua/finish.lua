-- Stores judgments and counts each once, however often it is delivered.
-- KEYS: pending, counters, queue
-- ARGV: now (milliseconds), seconds to keep a finished job, most series among the counters,
--       a msgpack list of {job key, events channel, results key, position, judgment,
--                          {{field, by}...} of the job, {{series, by, series past the cap}...}, {spend key or '', nano-dollars},
--                          {{key of a cached vote, its place among the votes}...}, what note_judgment takes or false}
-- Returns for each job touched {job key, cancelled, nano-dollars spent, finished}
local now, keep_s, cap = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function close(job_key)
  redis.call('HSET', job_key, 'finished_at', now)
  local chunks = tonumber(redis.call('HGET', job_key, 'chunks'))
  for chunk = 0, chunks - 1 do
    redis.call('EXPIRE', job_key .. ':items:' .. chunk, keep_s)
    redis.call('EXPIRE', job_key .. ':results:' .. chunk, keep_s)
  end
  local callback = redis.call('HMGET', job_key, 'callback_key', 'callback_id', 'callback')
  if callback[1] then
    redis.call('SET', callback[1], callback[3], 'EX', keep_s)
    redis.call('ZADD', KEYS[3], now, callback[2])
  end
  redis.call('EXPIRE', job_key .. ':benchmark', keep_s)
  redis.call('EXPIRE', job_key, keep_s)
end

local delta = gathering()
delta.waiting = {}
-- What many judgments count alike is written once: most of the time here is spent in calls.
local counts, others, stored = {}, {}, 0
local function gather(key, increments)
  local fields = counts[key] or {}
  counts[key] = fields
  for _, each in ipairs(increments) do
    fields[each[1]] = (fields[each[1]] or 0) + each[2]
    others[each[1]] = each[3]
  end
end

local touched = {}
local channels = {}
for _, each in ipairs(cmsgpack.unpack(ARGV[4])) do
  local job_key, channel, results, position, judgment, fields, series, spend, kept, noted = unpack(each)
  if redis.call('EXISTS', job_key) == 1 and redis.call('HSETNX', results, position, judgment) == 1 then
    stored = stored + 1
    gather(job_key, fields)
    gather(KEYS[2], series)
    if spend[1] ~= '' then
      redis.call('INCRBY', spend[1], string.format('%.0f', spend[2]))
      redis.call('EXPIRE', spend[1], 172800)
    end
    for _, vote in ipairs(kept) do
      redis.call('SET', vote[1], '=' .. results .. '|' .. position .. '|' .. vote[2], 'EX', keep_s)
    end
    if noted then
      note_judgment(delta, noted, tonumber(now), tonumber(keep_s))
    end
  end
  if not channels[job_key] then
    touched[#touched + 1] = job_key
    channels[job_key] = channel
  end
end

for key, fields in pairs(counts) do
  for field, by in pairs(fields) do
    if key == KEYS[2] then
      count_series(key, cap, field, by, others[field])
    else
      count(key, field, by)
    end
  end
end
if stored > 0 then
  redis.call('DECRBY', KEYS[1], stored)
end
apply(delta, tonumber(now))
trim_queues(delta)

local answer = {}
for i, job_key in ipairs(touched) do
  local state = redis.call('HMGET', job_key, 'total', 'scored', 'unscored', 'failed', 'cancelled',
                           'finished_at', 'cancel', 'cost_nano')
  local done = 0
  for j = 2, 5 do
    done = done + tonumber(state[j] or 0)
  end
  local finished = state[1] and done == tonumber(state[1])
  if finished and not state[6] then
    close(job_key)
  end
  redis.call('PUBLISH', channels[job_key], finished and 'finished' or 'progress')
  answer[i] = {job_key, state[7] or '0', state[8] or '0', finished and 1 or 0}
end
return answer
