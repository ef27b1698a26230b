// Finds script files.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_SCRIPT_PATHS_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_SCRIPT_PATHS_H_

#include <string>
#include <vector>

namespace script_host {

// The *.lua files of this example, sorted: those below the current directory
// (which is the workspace, or the runfiles under `bazel run`), else those in
// the runfiles of `program`. Empty if there are none.
std::vector<std::string> DefaultScripts(const std::string& program);

// Where the script is that the command line names as `path`: relative to the
// directory in which `bazel run` was started, if it was and the file is there.
std::string ResolveScript(const std::string& path);

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_SCRIPT_PATHS_H_
