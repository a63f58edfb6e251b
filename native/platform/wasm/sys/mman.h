// WebAssembly has no pages to advise the system about: the sources that include this header find no MADV_HUGEPAGE.
#pragma once
