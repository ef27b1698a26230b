// The `host` module, through which a script uses the host's objects.
//
// Handles are integers. Whatever integer a script passes, and however old it
// is, the table says whether it is live.
//
//   host.pin(kind, value)      a handle for a new "session", "message" or
//                              "object" with a number as its value
//   host.read(handle)          its value
//   host.write(handle, value)  replaces the value
//   host.exchange(handle, value)  and returns the one replaced
//
// These raise an error if the handle is not live, which says why. The next four
// do not, since a script may race with others to them.
//
//   host.find(handle)          its value, or nil
//   host.contains(handle)      whether it is live
//   host.unpin(handle)         true, or false if it was not live
//   host.take(handle)          unpins it: the value it had, or nil
//
//   host.send(handle)          puts it into the channel, once there is room;
//                              false if the channel is closed
//   host.receive()             the next handle, once there is one; nil if the
//                              channel is closed, and empty
//   host.lookup(name)          what is on the board under the name, or nil
//   host.publish(name, handle, expected)  puts it there for what lookup gave;
//                              false if that was replaced meanwhile
//
//   host.next_request()        1, 2, 3... for this worker; nil once the time is
//                              over, and the channel is closed then
//   host.worker                the worker's number, from 1

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_MODULE_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_MODULE_H_

#include "lua.hpp"

namespace script_host {

// A lua_CFunction for luaL_requiref. The state must be a Worker's.
int OpenHostModule(lua_State* state);

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_HOST_MODULE_H_
