-- Stores, replaces and removes labels, with all that the counters have of them, in one step.
-- KEYS: scales of the criteria, counters
-- ARGV: now (milliseconds), seconds to keep an item that has no label, most series among the counters,
--       a msgpack list of {item key, item id, criterion, the same quoted, its scale as it was read ('' for none),
--                          the item's place in the random half of the queue,
--                          {{annotator, label or false to remove it}...}, whether labels are only written anew,
--                          {series to count a label by, series past the cap}}
-- Returns {'again'} where a criterion got its scale meanwhile, else {'done', labels stored, labels removed}
local now, keep_s, cap = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local entries = cmsgpack.unpack(ARGV[4])

for _, entry in ipairs(entries) do
  if (redis.call('HGET', KEYS[1], entry[3]) or '') ~= entry[5] then
    return {'again'}
  end
end

local FIELDS = 10

local function is_same(old, new)
  for i = 1, FIELDS do
    if i ~= 8 and old[i] ~= new[i] then
      return false
    end
  end
  return true
end

local stored, removed = 0, 0
local delta = gathering()

local function put(item, key, criterion, annotator, label, is_rewrite)
  local old = item.labels[annotator]
  if is_rewrite then
    if not old then
      return -- removed meanwhile
    end
    label[7], label[8] = old[7], old[8]
  else
    label[7], label[8] = item.digest or '', now
  end
  if old and is_same(old, label) then
    return
  end
  if not is_rewrite then
    stored = stored + 1
  end
  if not old then
    item.annotators[#item.annotators + 1] = annotator
    table.sort(item.annotators)
  end
  item.labels[annotator] = label
  redis.call('HSET', key, 'L\t' .. criterion .. '\t' .. annotator, cmsgpack.pack({unpack(label, 1, FIELDS)}))
end

local function remove(item, key, criterion, annotator)
  if not item.labels[annotator] then
    return
  end
  removed = removed + 1
  item.labels[annotator] = nil
  local left = {}
  for _, name in ipairs(item.annotators) do
    if name ~= annotator then
      left[#left + 1] = name
    end
  end
  item.annotators = left
  redis.call('HDEL', key, 'L\t' .. criterion .. '\t' .. annotator)
end

local function has_labels(key)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.sub(field, 1, 2) == 'L\t' then
      return true
    end
  end
  return false
end

for _, entry in ipairs(entries) do
  local key, id, criterion, scale, place, changes, is_rewrite = entry[1], entry[2], entry[4], entry[5], entry[6],
    entry[7], entry[8]
  local before = stored
  delta.criterion = criterion
  local item = load(key, criterion)
  count_ceiling(delta, item, -1)
  count_all_pairs(delta, item, -1)
  for _, change in ipairs(changes) do
    if change[2] then
      put(item, key, criterion, change[1], change[2], is_rewrite)
    else
      remove(item, key, criterion, change[1])
    end
  end
  if #item.annotators > 0 then
    if not item.first then
      item.first = now
      redis.call('HSET', key, 'A\t' .. criterion, now)
    end
    redis.call('HSET', key, 'labelled', 1)
    redis.call('PERSIST', key)
    redis.call('ZREM', 'judged:to_label:random:' .. criterion, id)
    redis.call('ZREM', 'judged:to_label:targeted:' .. criterion, id)
  elseif item.first then
    redis.call('HDEL', key, 'A\t' .. criterion)
    if next(item.judged) then
      redis.call('ZADD', 'judged:to_label:random:' .. criterion, string.format('%.17g', place), id)
    end
    if not has_labels(key) then
      redis.call('HDEL', key, 'labelled')
      redis.call('EXPIRE', key, keep_s)
    end
  end
  if scale == '' and #item.annotators > 0 then
    redis.call('SADD', 'judged:unchecked:' .. criterion, id)
  end
  count_ceiling(delta, item, 1)
  count_all_pairs(delta, item, 1)
  if stored > before then
    count_series(KEYS[2], cap, entry[9][1], stored - before, entry[9][2])
  end
end
apply(delta, now)
redis.call('INCR', 'judged:changes')
return {'done', stored, removed}
