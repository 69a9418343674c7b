-- Notes what a judgment said of its item, with what comes of that for the counters. Shared by finish.lua.

local function bind_labels(delta, key, criterion, item, content)
  local waiting = {}
  for _, name in ipairs(item.annotators) do
    if item.labels[name][7] == '' then
      waiting[#waiting + 1] = name
    end
  end
  if #waiting == 0 then
    return
  end
  count_ceiling(delta, item, -1)
  count_all_pairs(delta, item, -1)
  for _, name in ipairs(waiting) do
    local label = item.labels[name]
    label[7] = content
    redis.call('HSET', key, 'L\t' .. criterion .. '\t' .. name, cmsgpack.pack({unpack(label, 1, 10)}))
  end
  count_ceiling(delta, item, 1)
  count_all_pairs(delta, item, 1)
end

-- All that a series' judgment of a content counts for.
local function count_judged(delta, item, series, content, sign)
  count_pairs(delta, item, series, content, sign)
  if next(item.judged, next(item.judged)) then -- there is another series
    count_between(delta, item, series, content, sign)
    count_panel(delta, item, series, content, sign)
  end
end

-- The newest judgment of a content is the one that counts; what an item said before its newest content, and nobody
-- labelled, is let go.
local function replace(delta, item, note, said)
  local series, content = said[1], note.content
  local old = item.judged[series] and item.judged[series][content]
  if old and old[5] > note.at then
    return
  end
  if old and not note.cached then
    bump(delta, 'seen', series, note.at, 'repeat\t' .. old[1] .. '\t' .. said[2], 1)
  end
  if old then
    count_judged(delta, item, series, content, -1)
  end
  local judged = {said[2], said[3], said[4], said[5], note.at, note.length, said[6]}
  item.judged[series] = item.judged[series] or {}
  item.judged[series][content] = judged
  local fields = note.fields
  fields[#fields + 1] = 'J\t' .. note.criterion .. '\t' .. series .. '\t' .. content
  fields[#fields + 1] = cmsgpack.pack(judged)
  count_judged(delta, item, series, content, 1)
  if not next(item.judged[series], next(item.judged[series])) then
    return
  end
  local labelled = {[content] = true, [item.digest or content] = true}
  for _, label in pairs(item.labels) do
    labelled[label[7]] = true
  end
  for other in pairs(item.judged[series]) do
    if not labelled[other] then
      item.judged[series][other] = nil
      redis.call('HDEL', note.key, 'J\t' .. note.criterion .. '\t' .. series .. '\t' .. other)
    end
  end
end

local MOST_WAITING = 10000

local function enqueue(delta, item, note)
  if next(item.labels) then
    return
  end
  for half, score in pairs({random = note.random, targeted = note.targeted}) do
    if score then
      local key = 'judged:to_label:' .. half .. ':' .. note.criterion
      redis.call('ZADD', key, string.format('%.17g', score), note.item)
      delta.waiting[key] = true
    end
  end
end

local function trim_queues(delta)
  for key in pairs(delta.waiting) do
    if redis.call('ZCARD', key) > MOST_WAITING then
      redis.call('ZREMRANGEBYRANK', key, MOST_WAITING, -1)
    end
  end
end

local function note_judgment(delta, packed, now, keep_s)
  local note = {
    key = packed[1], item = packed[2], criterion = packed[3], content = packed[4], at = packed[5], cached = packed[6],
    ref = packed[7], said = packed[8], events = packed[9], length = packed[10], random = packed[11],
    targeted = packed[12], is_answer = packed[13], fields = {packed[7], string.format('%.0f', packed[5])},
  }
  local item = load(note.key, note.criterion)
  delta.criterion = note.criterion
  if not item.digest then
    item.digest = note.content
    note.fields[3], note.fields[4] = 'digest', note.content
  end
  for ref, ended in pairs(item.refs) do
    if ended < now - keep_s * 1000 then
      redis.call('HDEL', note.key, ref)
    end
  end
  for _, event in ipairs(note.events) do
    bump(delta, 'seen', event[1], note.at, event[2], 1)
    see(delta, 'judged:series', note.criterion .. '\t' .. event[1], note.at)
  end
  if note.is_answer then
    bind_labels(delta, note.key, note.criterion, item, note.content)
  end
  for _, said in ipairs(note.said) do
    replace(delta, item, note, said)
  end
  redis.call('HSET', note.key, unpack(note.fields))
  if note.is_answer then
    enqueue(delta, item, note)
  end
  if item.labelled then
    redis.call('INCR', 'judged:changes')
  else
    redis.call('EXPIRE', note.key, keep_s)
  end
end
