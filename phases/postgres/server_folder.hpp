// The folder that a private server lives in: made, locked, swept, removed.
//
// The folder itself is locked (flock) by whoever uses it, the server's processes included: they inherit the lock's
// descriptor, so the kernel gives the lock up exactly when the last of them is gone. That, and no pid, tells a folder
// in use from one that a kill left behind. Blocking; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/child_process.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

struct ServerFolder {
  std::string path;
  int lock = -1;  // the caller closes it
};

// The unprivileged user that a server started by root gets; nothing when we are not root.
Result<std::optional<User>> server_user();

// Makes the folder (mode 0700, owned by `owner`) and locks it. Empty `path`: a new folder for temporary use.
Result<ServerFolder> make_server_folder(const std::string& path, const std::optional<User>& owner);

struct SweptFolders {
  std::vector<std::string> removed;  // paths
  bool some_in_use = false;
};

// Removes the temporary folders of ours that nobody uses any more.
SweptFolders sweep_server_folders(const std::optional<User>& owner);

void remove_folder(const std::string& path);

// Likewise, unless somebody uses it. True: it is gone.
bool remove_unused_folder(const std::string& path);

// A file only its owner reads; given to `owner`.
Result<void> write_private_file(const std::string& path, const std::string& text, const std::optional<User>& owner);

// The last `count` lines of a file, each indented; empty when it cannot be read.
std::string last_lines(const std::string& path, std::size_t count);

std::string random_password();

// A port of 127.0.0.1 that was free a moment ago; 0 when none is.
int free_loopback_port();

}  // namespace pgphase
