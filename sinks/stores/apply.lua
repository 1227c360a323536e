-- Merges changes into rows and stores positions, in one step that nothing comes between.
--
-- KEYS  1 active generation, 2 hold, 3 set of generations, 4 index of rows, 5 positions
-- ARGV  1 generation, 2 "live" or "fill", 3 prefix of row keys, 4 seconds a tombstone is kept,
--       5 changes (MessagePack): {{key, deleted, {column: {version, json}}}, …}
--       6 positions (MessagePack): {{partition, offset, json of marks}, …}
--       7 seconds after which a row goes by itself, 0: never; 8 prefix of channels: who listens to
--         that of a row which goes by itself is told of each write
-- Returns "ok", "superseded" or "held".
--
-- A row is a hash of column -> "<version> <json>", and of ".deleted" -> version. A row that is
-- gone keeps only ".deleted", and Redis itself forgets it after a while.

local DELETED = ".deleted"

if redis.call("SISMEMBER", KEYS[3], ARGV[1]) == 0 then return "superseded" end
if ARGV[2] == "live" then
  if redis.call("GET", KEYS[1]) ~= ARGV[1] then return "superseded" end
  if redis.call("EXISTS", KEYS[2]) == 1 then return "held" end
end

local function version_of(cell)
  return cell and tonumber(string.match(cell, "^%d+")) or 0
end

local function text_of(version)
  return string.format("%.0f", version)
end

for _, change in ipairs(cmsgpack.unpack(ARGV[5])) do
  local key, deleted, cells = change[1], change[2], change[3]
  local row = ARGV[3] .. key
  local known = {}
  local flat = redis.call("HGETALL", row)
  for i = 1, #flat, 2 do known[flat[i]] = flat[i + 1] end

  local gone = version_of(known[DELETED])
  known[DELETED] = nil
  if deleted > gone then
    gone = deleted
    redis.call("HSET", row, DELETED, text_of(gone))
    for column, cell in pairs(known) do
      if version_of(cell) <= gone then
        redis.call("HDEL", row, column)
        known[column] = nil
      end
    end
  end
  for column, cell in pairs(cells) do
    if cell[1] > gone and cell[1] > version_of(known[column]) then
      redis.call("HSET", row, column, text_of(cell[1]) .. " " .. cell[2])
      known[column] = cell[2]
    end
  end

  if ARGV[7] ~= "0" then
    redis.call("EXPIRE", row, ARGV[7])
    redis.call("PUBLISH", ARGV[8] .. key, "")
  elseif next(known) then
    redis.call("PERSIST", row)
    redis.call("ZADD", KEYS[4], 0, key)
  else
    redis.call("EXPIRE", row, ARGV[4])
    redis.call("ZREM", KEYS[4], key)
  end
end

for _, position in ipairs(cmsgpack.unpack(ARGV[6])) do
  local field, offset, marks = position[1], position[2], position[3]
  local known = redis.call("HGET", KEYS[5], field)
  if not known or offset > version_of(known) then
    redis.call("HSET", KEYS[5], field, text_of(offset) .. " " .. marks)
  end
end
return "ok"
