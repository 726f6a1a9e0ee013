-- Begins to note which sessions a user gains, or tells which ones were noted since.
-- KEYS[1]  list of them (see index.lua)
-- ARGV[1]  mark of the list, random; of a list that is there already the mark is another
-- ARGV[2]  how many entries were read before; '' to begin
-- ARGV[3]  most entries
-- Returns  {'lost'} (the list has expired, and must begin again), or {'ok', mark, entries read, ids …}
-- Bound    ARGV[3] entries
if ARGV[2] == '' then
  local mark, size = open_arrivals(KEYS[1], ARGV[1])
  return { 'ok', mark, size }
end
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then return { 'lost' } end
local from = tonumber(ARGV[2])
local ids = redis.call('LRANGE', KEYS[1], from, from + tonumber(ARGV[3]) - 1)
return { 'ok', ARGV[1], from + #ids, unpack(ids) }
