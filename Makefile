# Every target can be run by hand: see the commands below it.
GO ?= go
BIN = bin/tokenselect

.PHONY: help test-more test-long bench-page bench-wasm eval-chromium comparison rivals-browser run demo wasm test test-hardware test-gowebgpu dawn test-dawn test-packed test-node test-chromium test-js test-js-long test-page test-arm64 node check cross release load bench rivals golden recordings build tools

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 17

run: build wasm ## the page on http://127.0.0.1:8080: a long document and a model that reads it in your browser
	$(BIN) serve -open

demo: build ## the comparison: five facts in 20,000 tokens, asked for with three policies
	$(BIN) demo

build: tools ## the command, as bin/tokenselect
	$(GO) build -o $(BIN) ./cmd/tokenselect

wasm: tools ## the engine for browsers, as bin/tokenselect.wasm with wasm_exec.js beside it
	@mkdir -p bin/shaders/lib
	@{ echo '{"Replace": {'; comma=; for f in shaders/*.wgsl shaders/lib/*.wgsl; do \
		sed -E 's,^[[:space:]]+,,; s,[[:space:]]*//($$|[^#].*),,; /^\/\/#/!{ s/ (=|\+|\*|\+=|==|&&) /\1/g; s/([,:]) /\1/g; s/ \{$$/{/ }' $$f >bin/$$f; \
		case " $(UNUSED) " in *" $$f "*) to=;; *) to=bin/$$f;; esac; \
		echo "$$comma\"$$f\": \"$$to\""; comma=,; done; \
		test -z "$(GODEBUG)" || echo ",\"$(GODEBUG)\": \"wasm/godebug/godebug.go\""; echo '}}'; } >bin/overlay.json
	$(LEAN_GC) GOOS=js GOARCH=wasm $(GO) build -trimpath -tags wasmsimd,lean -overlay bin/overlay.json $(SMALLER) -ldflags="-s -w" -o bin/linked.new ./wasm
	@cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" bin/wasm_exec.js
	@set -e; if ! test -e $(WASM_OPT); then \
		echo "make wasm: $(WASM_OPT) would take off a tenth (npm ci --prefix web)"; \
		mv bin/linked.new bin/linked.wasm; cp bin/linked.wasm bin/tokenselect.wasm; \
	elif cmp -s bin/linked.new bin/linked.wasm && test -s bin/tokenselect.wasm && ! cmp -s bin/linked.wasm bin/tokenselect.wasm; then \
		rm bin/linked.new; \
	else \
		echo "wasm-opt -Oz, for half a minute"; rm -f bin/tokenselect.wasm; mv bin/linked.new bin/linked.wasm; \
		$(WASM_OPT) $(WASM_FEATURES) --strip-debug --strip-producers --low-memory-unused -Oz bin/linked.wasm -o bin/shrunk.wasm; \
		mv bin/shrunk.wasm bin/tokenselect.wasm; \
	fi

# What the engine for browsers never runs is not in it: the plain twins of kernels
# that have a fast version (the tag lean), and the shaders that only measurements,
# tests and features use that browsers do not offer or do not tell enough of.
UNUSED = $(patsubst %,shaders/%.wgsl,attention_chunk_f16_matrix attention_lists_f16 attention_lists_f32 block_scores_f16 block_scores_f32 ceiling_multiply_add ceiling_read \
	follow_scores_f16 follow_scores_f32 gather_rows head_cut head_stats $(foreach t,f16 q4_0 q4_1 q8_0,matmul_$t_matrix matmul_large_$t_matrix) lib/matmul_matrix lib/half_matrices lib/attention_lists lib/bf16 lib/block_scores lib/bytes_i4 lib/bytes_i8 \
	lib/follow_scores lib/matvec_subgroup lib/page_bounds lib/score_tiles_dot lib/window_mass lib/window_scores lib/window_stats matvec_f16_subgroup matvec_q4_0_subgroup matvec_q4_1_subgroup \
	matvec_q8_0_subgroup max_pool page_bounds_f16 \
	page_bounds_f32 page_scores paged_dot_f16 paged_dot_f32 probes representatives round_bf16 score_stats_i4_dot score_stats_i8_dot soft_vote \
	top_k_count top_k_hist top_k_write top_lists vote_stats vote_sum window_mass_f16 window_mass_f32 window_stats_f16 window_stats_f32)

# The shaders in it are without comments, indentation and most spaces, but line by
# line, so that what a compiler says of a line still finds it. Without Go 1.26's new garbage
# collector, which is for many cores, and with calls not written out in place in
# packages that only format text, it is 0.1 MB smaller.
# What GODEBUG can ask for takes 0.14 MB more, and a page cannot ask; wasm/godebug has
# what is left of it, for the Go that it was written for.
GODEBUG = $(shell $(GO) env GOVERSION | grep -q '^go1\.26' && echo "$$($(GO) env GOROOT)/src/internal/godebug/godebug.go")
LEAN_GC = $(shell GOEXPERIMENT=nogreenteagc $(GO) env GOROOT >/dev/null 2>&1 && echo GOEXPERIMENT=nogreenteagc)
SMALLER = -gcflags=fmt=-l -gcflags=tokenselect/engine/trace=-l

# Binaryen's optimiser makes what Go's linker wrote smaller. It may use what Go
# uses of WebAssembly, and not more; Go leaves the first 4096 bytes of the
# memory unused, so that a load at a small offset needs no sum.
WASM_OPT = web/node_modules/.bin/wasm-opt
WASM_FEATURES = --enable-bulk-memory --enable-sign-ext --enable-nontrapping-float-to-int --enable-mutable-globals --enable-multivalue

# The golden that every WebGPU plays in make test and make test-more.
ONE_GOLDEN = TestGoldenSelectionWGPU/f16/passkey-353

# The tests of the page that make test runs; make test-more runs the others.
QUICK_PAGE_TESTS = $(patsubst %,web/test/%.test.mjs,attention documents engine examples explore-measures explore-run openai page renderings simd128 size vendor)

# None of the quick ones measures with it.
TESTED_BESIDES = $(if $(filter-out $(QUICK_PAGE_TESTS),$(or $(PAGE_TESTS),all)),bench-wasm)

test: tools ## what tells in less than ten minutes that something broke: all Go tests, wgpu-native, Dawn and WebGPU under Node with a part of the kernel table, the page's main ways
	TOKENSELECT_FEW_GOLDENS=1 TOKENSELECT_REQUIRE_DAWN= TOKENSELECT_TABLE=24 $(GO) test -timeout 30m ./...
	CGO_ENABLED=0 $(GO) build ./...
	GOOS=js GOARCH=wasm $(GO) build ./...
	TOKENSELECT_FEW_GOLDENS=1 TOKENSELECT_TABLE=96 $(MAKE) test-dawn ENGINE_TESTS='Golden.*Dawn'
	TOKENSELECT_FEW_GOLDENS=1 TOKENSELECT_TABLE=96 $(MAKE) test-node GOLDENS=$(ONE_GOLDEN)
	$(MAKE) test-page PAGE_TESTS='$(QUICK_PAGE_TESTS)'

test-more: tools ## the same on go-webgpu and in Chromium, chunks in pairs of float16, and all other tests of the page: with make test what a change must pass
	TOKENSELECT_FEW_GOLDENS=1 TOKENSELECT_TABLE=48 $(MAKE) test-gowebgpu ENGINE_TESTS=$(ONE_GOLDEN)
	TOKENSELECT_FEW_GOLDENS=1 TOKENSELECT_TABLE=96 $(MAKE) test-chromium GOLDENS=$(ONE_GOLDEN)
	$(MAKE) test-packed
	$(MAKE) test-page PAGE_TESTS='$(filter-out $(QUICK_PAGE_TESTS),$(wildcard web/test/*.test.mjs))'

test-long: test test-more ## every golden on the CPU, the whole kernel table and all short goldens on every device, software GPUs too; more than an hour
	$(GO) test -count=1 -timeout 60m ./engine ./engine/kernels
	$(MAKE) test-gowebgpu test-dawn test-node test-chromium
	TOKENSELECT_LONG=1 $(MAKE) test-page PAGE_TESTS=web/test/explore-webgpu.test.mjs

test-page: build ## the page and the engine in headless Chromium, against the real server; skips where Node or Chromium are missing
	@if ! command -v npm >/dev/null || ! command -v chromium >/dev/null; then \
		echo "make test-page: skipped: npm and chromium are needed (apt-get install nodejs npm chromium)"; \
		test -z "$$TOKENSELECT_REQUIRE_BROWSER"; exit; fi; \
	$(MAKE) web/node_modules/.package-lock.json && $(MAKE) wasm $(TESTED_BESIDES) && node --test --test-concurrency=2 $(or $(PAGE_TESTS),web/test/*.test.mjs)

web/node_modules/.package-lock.json: web/package-lock.json
	npm ci --prefix web --no-audit --no-fund --silent

test-hardware: tools ## the kernel table and every golden file on this machine's GPU, through wgpu-native and, if it is there, Dawn
	TOKENSELECT_REQUIRE_GPU=1 $(GO) test -count=1 -timeout 60m -run 'WGPU|Dawn' ./engine/kernels
	TOKENSELECT_REQUIRE_GPU=1 TOKENSELECT_ALL_GOLDENS=1 $(GO) test -count=1 -timeout 120m -v -run 'WGPU|Dawn' ./engine

test-gowebgpu: tools ## the device's own tests, the kernel table and the short goldens on go-webgpu, where there is an adapter
	@case "$$($(GO) env GOOS)/$$($(GO) env GOARCH)" in linux/arm64|windows/arm64) \
		echo "make test-gowebgpu: skipped: go-webgpu has no library for this system"; exit;; esac; \
	$(GO) test -p 1 -tags gowebgpu -timeout 20m ./engine/gpu/wgpunative ./engine/gpu/gputest && \
	$(GO) test -p 1 -tags gowebgpu -timeout 20m -run WGPU ./engine/kernels && \
	$(GO) test -p 1 -tags gowebgpu -timeout 20m -run '$(or $(ENGINE_TESTS),WGPU)' ./engine

# Dawn for the dawn target: packages of npm by system, the digest of each and its library's name.
DAWN_linux_amd64 = bun-webgpu-linux-x64@0.1.7 8badfecdad4e726ac12be4f29771f4cbd7ce7683b4418316a547c5bda94fb798 libwebgpu_wrapper.so
DAWN_darwin_amd64 = bun-webgpu-darwin-x64@0.1.5 e2bedd5ab803f2c8b0615ddbf57e65173c52bfa8f88f35493d8cded3ba033b60 libwebgpu_wrapper.dylib
DAWN_darwin_arm64 = bun-webgpu-darwin-arm64@0.1.5 9df19c84e89cb739d3e75c10116ae14c21435555e6cb32dbcb654d4d1e95975d libwebgpu_wrapper.dylib
DAWN_windows_amd64 = bun-webgpu-win32-x64@0.1.5 a5837dcd2ad4c4f96d561e945408894617d23f476cc10ba8142a0c26d2d59d76 webgpu_wrapper.dll
DAWN = $(DAWN_$(shell $(GO) env GOOS)_$(shell $(GO) env GOARCH))

dawn: ## Dawn's library from npm, into bin/ beside the command, for -device dawn
	@test -n "$(DAWN)" || { echo "make dawn: npm has no Dawn for this system; the README says how to build it"; exit 1; }
	@command -v npm >/dev/null || { echo "make dawn: npm is missing; install Node.js 20 or later, with npm"; exit 1; }
	@set -e; set -- $(DAWN); mkdir -p bin; dir=$$(mktemp -d bin/dawn.XXXXXX); trap 'rm -rf '$$dir EXIT; \
	file=$$(npm pack --silent --pack-destination $$dir $$1); \
	got=$$( (sha256sum $$dir/$$file 2>/dev/null || shasum -a 256 $$dir/$$file) | cut -d' ' -f1); \
	test "$$got" = "$$2" || { echo "make dawn: $$1 has the sha256 digest $$got, expected $$2"; exit 1; }; \
	tar -xzf $$dir/$$file -C $$dir package/$$3 && mv -f $$dir/package/$$3 bin/$$3 && echo "bin/$$3: Dawn of $$1"

# Two Vulkan drivers that run on the CPU, for Dawn where no other driver is
# named: Chromium's compiles quickly, which the kernel table needs; Mesa's, from
# version 25 on, computes quickly (.ci/mesa fetches it).
SWIFTSHADER = $(wildcard /usr/lib/chromium/vk_swiftshader_icd.json)
LAVAPIPE = $(firstword $(wildcard $(CURDIR)/bin/mesa/lavapipe.json) $(SWIFTSHADER))
QUICK_TO_COMPILE = VK_ICD_FILENAMES="$${VK_ICD_FILENAMES:-$(SWIFTSHADER)}"
QUICK_TO_RUN = VK_ICD_FILENAMES="$${VK_ICD_FILENAMES:-$(LAVAPIPE)}"

test-dawn: tools ## the device's own tests, the kernel table and the short goldens on Dawn, where there is one (make dawn) and an adapter
	$(QUICK_TO_COMPILE) $(GO) test -p 1 -timeout 30m ./engine/gpu/dawn
	$(QUICK_TO_COMPILE) $(GO) test -p 1 -timeout 30m -run Dawn ./engine/kernels
	$(QUICK_TO_RUN) $(GO) test -p 1 -timeout 30m -run '$(or $(ENGINE_TESTS),Dawn)' ./engine

test-packed: tools ## attention of a chunk in pairs of float16, which of the drivers that run on the CPU only Mesa's has (make test-dawn's tables have none)
	@out=$$($(QUICK_TO_RUN) env -u TOKENSELECT_TABLE $(GO) test -v -timeout 30m -run 'Dawn/attention_chunk_f16/.*sink' ./engine/kernels 2>&1) || { echo "$$out"; exit 1; }; \
	if echo "$$out" | grep -q 'ran with attention_chunk_f16_packed too'; then echo "$$out" | tail -1; \
	elif ! echo "$$out" | grep -q 'ran too'; then echo "make test-packed: skipped: no Dawn, or no adapter"; \
	elif test -z "$$VK_ICD_FILENAMES$$VK_DRIVER_FILES" && test -f bin/mesa/lavapipe.json; then echo "make test-packed: Mesa's driver did not run attention_chunk_f16_packed"; exit 1; \
	else echo "make test-packed: skipped: the driver has no shader-f16"; fi

JS_TEST = GOOS=js GOARCH=wasm $(GO) test -exec="node --stack-size=8192 $(CURDIR)/web/test/exec.js"

node: tools
	@command -v npm >/dev/null || { echo "make: Node.js is missing; install Node.js 20 or later, with npm"; exit 1; }

test-js: node web/node_modules/.package-lock.json ## the tests as WebAssembly under Node: the whole kernel table, goldens and selections on WebGPU too
	$(JS_TEST) ./shaders ./engine/f16 ./engine/gpu ./engine/gpu/cpudev \
		./engine/kernels/simd ./engine/kvcache ./engine/record ./engine/sample ./engine/selection ./engine/tokenizer ./engine/chat ./engine/weights
	$(JS_TEST) -tags wasmsimd -run 'Plain|TinyModels' ./engine
	$(QUICK_TO_COMPILE) $(JS_TEST) -count=1 -timeout 30m ./engine/gpu/webgpujs ./engine/model
	$(QUICK_TO_COMPILE) $(JS_TEST) -count=1 -timeout 30m -run WGPU ./engine/kernels
	$(QUICK_TO_RUN) $(JS_TEST) -count=1 -timeout 30m -run WGPU ./engine

test-node: tools ## some of test-js: the WebGPU device under Node, the kernel table and the short goldens; skips where Node is missing
	@if ! command -v npm >/dev/null; then \
		echo "make test-node: skipped: npm is needed (apt-get install nodejs npm)"; test -z "$$TOKENSELECT_REQUIRE_BROWSER"; exit; fi; \
	$(MAKE) web/node_modules/.package-lock.json && \
	$(QUICK_TO_COMPILE) $(JS_TEST) -count=1 -timeout 30m ./engine/gpu/webgpujs && \
	$(QUICK_TO_COMPILE) $(JS_TEST) -count=1 -timeout 30m -run WGPU ./engine/kernels && \
	$(QUICK_TO_RUN) $(JS_TEST) -count=1 -timeout 30m -run '$(GOLDENS)' ./engine

CHROMIUM_TEST = TOKENSELECT_REQUIRE_GPU=1 GOOS=js GOARCH=wasm $(GO) test -exec="node $(CURDIR)/web/test/exec-chromium.js" -count=1 -timeout 60m
GOLDENS = Golden.*WGPU

test-chromium: tools ## the same in headless Chromium; skips where Node or Chromium are missing
	@if ! command -v npm >/dev/null || ! command -v "$${CHROMIUM:-chromium}" >/dev/null; then \
		echo "make test-chromium: skipped: npm and chromium are needed (apt-get install nodejs npm chromium)"; \
		test -z "$$TOKENSELECT_REQUIRE_BROWSER"; exit; fi; \
	$(MAKE) web/node_modules/.package-lock.json && \
	$(CHROMIUM_TEST) ./engine/gpu/webgpujs && \
	$(CHROMIUM_TEST) -run WGPU ./engine/kernels && \
	out=$$($(CHROMIUM_TEST) -run '$(GOLDENS)' ./engine 2>&1) || { echo "$$out"; exit 1; }; echo "$$out"; \
	case "$$out" in *"no tests to run"*) exit 1;; esac

test-js-long: node ## every golden file strictly, on the CPU device as WebAssembly under Node; most of an hour
	$(JS_TEST) -tags wasmsimd -count=1 -timeout 180m -v -run 'Golden.*CPU|TinyModels' ./engine

PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

cross: tools ## the command for Linux, macOS and Windows, compiled without cgo
	@set -e; for p in $(PLATFORMS); do echo "go build for $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null ./cmd/tokenselect; done

test-arm64: tools ## the CPU device's inner loops on arm64, small models and a golden on them; where the machine is another by qemu-user-static, which proves results, not speed
	@if test "$$($(GO) env GOHOSTARCH)" != arm64; then \
		command -v qemu-aarch64-static >/dev/null || { echo "make test-arm64: qemu-aarch64-static is missing: apt-get install qemu-user-static"; exit 1; }; \
		export GOOS=linux GOFLAGS=-exec=qemu-aarch64-static; fi; \
	export CGO_ENABLED=0 GOARCH=arm64 && \
	$(GO) test -count=1 ./engine/kernels/simd && \
	$(GO) test -count=1 -tags nodawn -run '^TestTinyModels$$|TestGoldenSelectionCPU/passkey-353' ./engine

release: node web/node_modules/.package-lock.json wasm ## archives of the command for every platform, with the engine for browsers, and their checksums, in dist/
	@command -v zip >/dev/null || { echo "make release: zip is missing: apt-get install zip"; exit 1; }
	rm -rf dist && mkdir dist
	@set -e; version=$$(git describe --tags --always --dirty); for p in $(PLATFORMS); do \
		os=$${p%/*}; arch=$${p#*/}; name=tokenselect-$$version-$$os-$$arch; exe=; test $$os = windows && exe=.exe; \
		mkdir dist/$$name; cp LICENSE README.md bin/tokenselect.wasm bin/wasm_exec.js dist/$$name/; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags="-s -w" -o dist/$$name/tokenselect$$exe ./cmd/tokenselect; \
		if test $$os = windows; then (cd dist && zip -qr $$name.zip $$name); else tar -C dist -czf dist/$$name.tar.gz $$name; fi; \
		rm -r dist/$$name; done
	cd dist && sha256sum * >SHA256SUMS && cat SHA256SUMS

load: tools ## the server with 200 idle pages and 16 that ask at once; its figures are in the README
	$(GO) test -tags load -run 'TestLoad$$' -count=1 -timeout 10m -v ./cmd/tokenselect/internal/server

check: tools ## format and vet, natively, with go-webgpu, without cgo and for the browser
	@out=$$(gofmt -l .); test -z "$$out" || { echo "not formatted by gofmt:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags gowebgpu ./...
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet -tags nodawn ./engine/gpu/... ./cmd/tokenselect
	GOOS=js GOARCH=wasm $(GO) vet ./...

bench: build ## prefill and decode at several depths, by policy, on every device
	$(BIN) bench

bench-wasm: tools ## the command itself for browsers, as bin/bench.wasm: bench.html measures parts of models with it, from a server beside it
	@mkdir -p bin && : >bin/no-model
	@echo '{"Replace": {"web/models/needle-16m-q8_0.gguf": "bin/no-model"}}' >bin/no-model.json
	GOOS=js GOARCH=wasm $(GO) build -tags wasmsimd -overlay bin/no-model.json -ldflags="-s -w" -o bin/bench.wasm ./cmd/tokenselect

bench-page: build wasm bench-wasm ## the page of measurements in headless Chromium: a Markdown table, and JSON in bin/bench-page.json; BENCH_PAGE has what bench.html takes, such as 'what=attention shapes=needle-16m depths=1024 kernels'
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json
	node web/test/bench-page.mjs -o bin/bench-page.json $(BENCH_PAGE)

eval-chromium: node bench-wasm web/node_modules/.package-lock.json ## eval in headless Chromium, on its WebGPU if that is a real GPU, else on one core; EVAL has its flags
	node web/test/exec-chromium.js bin/bench.wasm eval -model web/models/needle-16m-q8_0.gguf $(EVAL)

EVAL = -lengths 2K,4K,8K -cases 2 -tasks passkey,multikey1,facts -policies tokenselect

comparison: build ## the README's comparison of policies by eval, 16K and 32K; hours on a CPU; Ctrl-C, and it goes on where it was
	$(COMPARED) -cases 30 -policies tokenselect,paper,quest,headvote,infllm,topk -o bin/comparison.jsonl >bin/comparison.md
	$(COMPARED) -cases 10 -policies tokenselect,selfextend,snapkv,ntk -o bin/comparison-slow.jsonl >>bin/comparison.md
	$(BIN) eval -table bin/comparison.jsonl bin/comparison-slow.jsonl

COMPARED = $(BIN) eval -seed 303 -tasks all -lengths 16K,32K

BENCH_PAGE = device=auto depths=512,2048,8192,32768

rivals-browser: build wasm ## the engine without a GPU beside wllama in headless Chromium, on the same file
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json
	npm install --no-save --no-audit --no-fund --silent --prefix bin/rivals @wllama/wllama@3.8.1
	node web/test/rivals/wllama.mjs -o bin/rivals-browser.json

# llama.cpp for the rivals target, with its library for this system.
RIVAL = node-llama-cpp@3.14.5

rivals: build ## this machine's CPU against llama.cpp's CPU build (npm's node-llama-cpp) at 512, 8K and 32K tokens; minutes
	@command -v npm >/dev/null || { echo "make rivals: npm is missing; install Node.js 20 or later, with npm"; exit 1; }
	@mkdir -p bin/rivals && echo '{"private": true}' >bin/rivals/package.json
	npm install --prefix bin/rivals --no-save --no-audit --no-fund --ignore-scripts --silent $(RIVAL)
	node web/test/rivals/llama-cpp.mjs bin/rivals web/models/needle-16m-q8_0.gguf $(BIN)

golden: build ## the default model, converted anew from its Hugging Face files in MODEL
	@test -n "$(MODEL)" || { echo "usage: make golden MODEL=folder of needle-16m in the Hugging Face layout"; exit 1; }
	$(BIN) convert -type q8_0 $(MODEL) web/models/needle-16m-q8_0.gguf

# The heads whose scores are kept put most of their weight on the sentence when they
# say what it says.
RECORD = $(BIN) trace -device cpu -record votes,mass,heads=16,scores=3:0,scores=4:0,timings
PARROT = -hide "Clara Nash keeps a parrot at home." -question "Which animal does Clara Nash keep?" -expect parrot

comma = ,
LAYER = $(subst $() ,$(comma),$(foreach h,0 1 2 3 4 5 6 7,scores=3:$(h)))

recordings: build ## the recorded answers that the page comes with, anew; minutes, and their times are this machine's
	@mkdir -p web/static/recordings
	$(RECORD) -o web/static/recordings/needle-9000.json.gz -length 16000 -at 9000 $(PARROT) -sweep k=1,4,16,64,256,512
	$(BIN) trace -device cpu -record votes,mass,heads=16,timings,$(LAYER) -o web/static/recordings/lesson.json.gz -length 16000 -at 9000 $(PARROT) -sweep k=1,4,16,64,256,512
	$(RECORD) -o web/static/recordings/needle-300.json.gz -length 1200 -at 300 $(PARROT) -sweep k=1,4,16,64,256
	$(BIN) trace -device cpu -record votes,mass,heads=16 -o web/static/recordings/four-numbers.json.gz -task multiquery -length 6K -seed 2 -theta 0.5 -tokens 80 -sweep k=16,64,256,512
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json
	node web/test/lesson-numbers.mjs

tools:
	@command -v $(GO) >/dev/null || { echo "Go is missing: install Go 1.26 or later, from your package manager or go.dev/dl"; exit 1; }
	@if [ "$$($(GO) env CGO_ENABLED)" = 1 ] && ! command -v "$$($(GO) env CC | cut -d' ' -f1)" >/dev/null; then \
		echo "a C compiler is missing (native WebGPU is linked through cgo): install gcc or clang, for example"; \
		echo "  apt-get install gcc libc6-dev      or      xcode-select --install"; \
		echo "or go without native WebGPU: CGO_ENABLED=0 make ..."; exit 1; fi
