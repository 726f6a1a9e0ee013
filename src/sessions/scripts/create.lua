-- Creates a session. If it runs again with the same id and hash, it finds the session of its first run, and reports it.
-- KEYS[1]  session
-- KEYS[2]  index of the user, KEYS[3] block on the user; both absent for a guest
-- ARGV[1]  hash of the secret
-- ARGV[2]  idle timeout in ms
-- ARGV[3]  absolute timeout in ms
-- ARGV[4]  most sessions the user may have, at most 1000; 0 for any number
-- ARGV[5]  what to do beyond that: 'evict-oldest', 'evict-idle' or 'reject'
-- ARGV[6]  for how many ms to keep the mark of this call, which is the id
-- ARGV[7]  for how many ms each session that is evicted leaves its ending (see record.lua); 0 for none
-- ARGV[8…] fields and values of the record: u, i, a and the claims
-- Returns  {'ok', session as text, evicted ids …}, {'blocked', until or '', reason}, {'limit'}, {'again', evicted ids …} (too
--          many to look at or to evict at once: call again), {'taken'} (another session has this id), or {'corrupt', id}
--          (a session that counts cannot be read; nothing was done)
-- Bound    at the limit it looks at every session of the user, at most 2000, and evicts at most 1000
local id, sessions = string.sub(KEYS[1], -26), string.sub(KEYS[1], 1, -27)
local index, block = KEYS[2], KEYS[3]
local limit = tonumber(ARGV[4])
local keys = stem(KEYS[1], id)
local mark = keys .. 'm:' .. id

local own, own_ends, own_left = open(KEYS[1])
if own then
  if own.h ~= ARGV[1] then return { 'taken' } end
  return { 'ok', told(own, own_ends, own_left), unpack(limit > 0 and remembered(mark) or {}) }
end
-- The session of the first run has ended since. Report the sessions that this run evicted.
local before = index and limit > 0 and remembered(mark)
if before then return { 'again', unpack(before) } end
local blocked = block and load(block)
if blocked then return { 'blocked', blocked.e or '', blocked.r or '' } end

local now = clock()
local reply = { 'ok', '' }
if index and limit > 0 then
  -- The index also names dead sessions that were not removed yet. Only sessions that exist count.
  local surplus = call('ZCARD', index) + 1 - limit
  if surplus > 1000 then
    -- The limit is new, and the user has far more sessions. Those that expire first are evicted, a page at a time, while enough
    -- sessions are left behind the page.
    local live, dead = 0, {}
    for _, member in ipairs(redis.call('ZRANGE', index, 1000, 2999)) do
      local other = redis.call('HMGET', sessions .. member, 'h', 'n', 't')
      if not other[1] or is_over(sessions .. member, other[3], now) then
        dead[#dead + 1] = member
      elseif not other[2] then
        live = live + 1
      end
    end
    if live < limit then
      unlist(index, dead)
      return { 'again' }
    end
    if ARGV[5] == 'reject' then return { 'limit' } end
    local evicted = strike_page(index, sessions, '', 1000, mark, cause('l', '', ARGV[7]))
    table.remove(evicted, 1)
    if #evicted > 0 then remember(mark, ARGV[6], evicted) end
    return { 'again', unpack(evicted) }
  elseif surplus > 0 then
    -- A session with a successor does not count: it ends with its grace.
    local candidates = {}
    for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
      local other, ends, left = glance(sessions .. member)
      if other and not other.n then
        local created, _, seen = times(other, ends, left)
        if not created then return { 'corrupt', member } end
        local rank = ARGV[5] == 'evict-idle' and created + seen or created
        candidates[#candidates + 1] = { id = member, rank = rank, predecessor = other.p }
      end
    end
    surplus = #candidates + 1 - limit
    if surplus > 0 then
      if ARGV[5] == 'reject' then return { 'limit' } end
      table.sort(candidates, function(a, b)
        if a.rank ~= b.rank then return a.rank < b.rank end
        return a.id < b.id
      end)
      local ids, evicted = {}, {}
      for i = 1, surplus do
        ids[#ids + 1] = candidates[i].id
        evicted[#evicted + 1] = candidates[i].id
        reply[#reply + 1] = candidates[i].id
        if candidates[i].predecessor then ids[#ids + 1] = candidates[i].predecessor end
      end
      local why = cause('l', '', ARGV[7])
      local hashes = hashes_of(sessions, ids, why)
      strike(index, sessions, ids)
      tell(keys, why.letter, ids)
      leave_endings(keys, ids, why, hashes)
      remember(mark, ARGV[6], evicted)
    end
  end
end

local idle, absolute = tonumber(ARGV[2]), tonumber(ARGV[3])
local fields = { 'h', ARGV[1], 't', times_of(now, index and '0' or '-', idle, absolute) }
local record = { t = fields[4] }
for i = 8, #ARGV, 2 do
  fields[i - 3], fields[i - 2] = ARGV[i], ARGV[i + 1]
  record[ARGV[i]] = ARGV[i + 1]
end
local ends = now + idle
-- The index comes first: if it holds something else, or Redis is out of memory, this fails before anything is written.
if index then enlist(index, sessions, id, bound(ends, now, idle, absolute), now) end
call_many('HSET', KEYS[1], fields)
redis.call('PEXPIREAT', KEYS[1], digits(ends))
reply[2] = told(record, ends, idle)
return reply_of(reply)
