-- A cache of sessions, which the workers of this script share through the
-- board. A session expires by being unpinned: the stale handle stays on the
-- board until a worker that finds it stale puts a new session there.

local USERS = 200
local EXPIRE_ONE_IN = 50

local function name_of(user)
  return "session/" .. user
end

-- The value of a session: its user, and its hits times this.
local HIT = 1000

-- A session of the user that was live when it was looked for, and its value.
local function session_of(user)
  local name = name_of(user)
  while true do
    local session = host.lookup(name)
    local value = session and host.find(session)
    if value then return session, value end
    local new = host.pin("session", user)
    if host.publish(name, new, session) then return new, user end
    host.unpin(new)  -- Another worker was faster.
  end
end

for _ in host.next_request do
  local user = math.random(USERS)
  local session, value = session_of(user)
  if value % HIT ~= user then
    error(("user %d got a session of user %d"):format(user, value % HIT))
  end
  if math.random(EXPIRE_ONE_IN) == 1 then
    host.unpin(session)
  else
    -- The session may have expired meanwhile: then this hit is lost.
    pcall(host.write, session, value + HIT)
  end
end

-- Each worker leaves none of the sessions that were there when it stopped.
for user = 1, USERS do
  local session = host.lookup(name_of(user))
  if session then host.unpin(session) end
end
