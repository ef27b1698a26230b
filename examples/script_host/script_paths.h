// Finds script files.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_SCRIPT_PATHS_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_SCRIPT_PATHS_H_

#include <string>
#include <vector>

namespace script_host {

// Returns the paths of the *.lua files of this example, sorted. Looks for them
// below the current directory (which is the workspace, or the runfiles under
// `bazel run`), then in the runfiles of `program`. Empty if there are none.
std::vector<std::string> DefaultScripts(const std::string& program);

// Returns the path of the script that the command line names as `path`. If
// `bazel run` has started the program, a relative path may be relative to the
// directory in which `bazel run` was called.
std::string ResolveScript(const std::string& path);

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_SCRIPT_PATHS_H_
