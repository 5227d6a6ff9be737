// What the callbacks of wgpu-native do, in every version of it that a binding
// links in: they leave what they are told where Go finds it. None of them calls
// Go or keeps pointers to its memory.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*ts_text_callback)(int32_t kind, char const *message, void *data);

// What callbacks leave for Go to find. It is never freed, as a device may be
// lost at any time, also while it is being released.
typedef struct {
	void *device;
	int32_t lost;    // set when the device is lost
	int32_t error;   // kind of the first error since the last look, 0: none
	int32_t mapping; // status of the last mapping, -1: not done
	char lostText[512], errorText[2048], deviceText[512];
} ts_state;

static inline void ts_copy(char *to, size_t size, char const *from) {
	if (from == NULL) from = "";
	size_t n = strlen(from);
	if (n > size - 1) n = size - 1;
	memcpy(to, from, n);
	to[n] = 0;
}

static inline void ts_on_lost(int32_t reason, char const *message, void *data) {
	ts_state *s = data;
	ts_copy(s->lostText, sizeof s->lostText, message);
	s->lost = 1;
}

static inline void ts_on_error(int32_t kind, char const *message, void *data) {
	ts_state *s = data;
	if (kind == 0 || s->error != 0) return;
	ts_copy(s->errorText, sizeof s->errorText, message);
	s->error = kind;
}

static inline void ts_on_device(int32_t status, void *device, char const *message, void *data) {
	ts_state *s = data;
	s->device = status == 0 ? device : NULL;
	ts_copy(s->deviceText, sizeof s->deviceText, message);
}

static inline void ts_on_map(int32_t status, void *data) { ((ts_state *)data)->mapping = status; }
