-- Shared by the scripts that add to hashes of integers: one read and one write a hash, however many fields change.

local SLICE = 1000 -- fields a command
local MOST_DIGITS = 15 -- of an integer that Lua's floating point adds exactly
local PLAIN = 1e7 -- integers below are written without an exponent, however the server formats numbers

-- Calls `command key arguments...` in slices; `width` is the number of arguments that belong together.
local function call_all(command, key, arguments, width)
  local step = SLICE * width
  for start = 1, #arguments, step do
    redis.call(command, key, unpack(arguments, start, math.min(start + step - 1, #arguments)))
  end
end

local function read_all(key, names)
  if #names <= SLICE then
    return redis.call('HMGET', key, unpack(names))
  end
  local values = {}
  for start = 1, #names, SLICE do
    local part = redis.call('HMGET', key, unpack(names, start, math.min(start + SLICE - 1, #names)))
    for i = 1, #part do
      values[start + i - 1] = part[i]
    end
  end
  return values
end

local function whole(number)
  return string.format('%.0f', number)
end

-- Adds amounts[i] to the field names[i], whose present value is known[i]; fields that become 0 are removed.
-- Names must not repeat.
local function add_to(key, names, amounts, known)
  local written, last, removed = {}, 0, {}
  for i = 1, #names do
    local stored, amount = known[i], amounts[i]
    if stored and #stored > MOST_DIGITS then
      redis.call('HINCRBY', key, names[i], whole(amount))
    elseif amount ~= 0 then
      local sum = (stored or 0) + amount
      if sum ~= 0 then
        written[last + 1] = names[i]
        last = last + 2
        written[last] = sum < PLAIN and sum > -PLAIN and sum or whole(sum)
      elseif stored then
        removed[#removed + 1] = names[i]
      end
    end
  end
  call_all('HSET', key, written, 2)
  call_all('HDEL', key, removed, 1)
end

-- Adds to a hash. Returns whether none of the fields was there before.
local function add(key, names, amounts)
  local known = read_all(key, names)
  add_to(key, names, amounts, known)
  for i = 1, #names do
    if known[i] then
      return false
    end
  end
  return true
end

-- Adds to the series of metrics. New series past `most` series in all are counted as others[i] instead.
local function add_series(metrics, most, names, amounts, others)
  local known, room = read_all(metrics, names), nil
  for i = 1, #names do
    if not known[i] then
      room = room or most - redis.call('HLEN', metrics)
      if room > 0 then
        room = room - 1
      else
        redis.call('HINCRBY', metrics, others[i], whole(amounts[i]))
        redis.call('HINCRBY', metrics, 'metrics_series_dropped_total', 1)
        amounts[i] = 0
      end
    end
  end
  add_to(metrics, names, amounts, known)
end

-- Adds a list of {series, amount, series past the maximum}, in which a series may repeat.
local function add_listed(metrics, most, listed)
  local places, names, amounts, others = {}, {}, {}, {}
  for _, each in ipairs(listed) do
    local place = places[each[1]] or #names + 1
    places[each[1]], names[place], others[place] = place, each[1], each[3]
    amounts[place] = (amounts[place] or 0) + each[2]
  end
  if #names > 0 then
    add_series(metrics, most, names, amounts, others)
  end
end
