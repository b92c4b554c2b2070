import { createApp } from 'vue'
import App from './App.vue'
import './style.css'
import { language, setLanguage } from './texts'

setLanguage(language.value)
createApp(App).mount('#app')
