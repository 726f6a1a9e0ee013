-- Lets a session live on, if its record still begins as the caller knows it: never brings a session back. Can change that
-- beginning, too, where the times are. Run again after its reply was lost, it finds its own work and reports it.
-- KEYS[1]  session
-- ARGV[1]  how the record must begin
-- ARGV[2]  ms to live
-- ARGV[3]  how it is to begin from now on, of the same length; '' for as it does
-- Returns  'ok', 'none' (the session is gone), or {'conflict', record} (it begins differently)
local from, to = ARGV[1], ARGV[3]
local head = redis.call('GETRANGE', KEYS[1], 0, #from - 1)
if head == '' then return 'none' end
if head ~= from and head ~= to then return { 'conflict', redis.call('GET', KEYS[1]) } end
if to ~= '' then redis.call('SETRANGE', KEYS[1], 0, to) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'ok'
